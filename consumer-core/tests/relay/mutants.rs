//! The classic mistakes of a relay: these tests are green without them and red with them.

use std::time::Duration;

use consumer_core::outbox::{Relay, Standing};

use super::{
    broker::{Answer, Scripted},
    stage::{Stage, of, to},
};

#[tokio::test(start_paused = true)]
async fn mutant_marks_before_confirm() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_secs(5)));
    let relay = stage.start_on(slow, Relay::new());
    let nowhere = consumer_core::outbox::Route::new().exchange("nowhere");
    stage.store.publish_all(&[to("a", nowhere), of("b")]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.standing(Standing::Sent), 0, "marked while its confirm was out");
    relay.kill().await;
    let heir = stage.start(Relay::new());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((stage.standing(Standing::Sent), stage.arrived().len()), (1, 1), "the crash lost an event");
    heir.stop().await;
}

#[tokio::test(start_paused = true)]
async fn mutant_new_id_on_republish() {
    let stage = Stage::new().await;
    let broker = Scripted::new(stage.broker.connect(), |_, before| match before {
        0 => Answer::Unconfirmed(Duration::from_secs(1)),
        _ => Answer::Confirm(Duration::ZERO),
    });
    stage.store.publish_all(&[of("a")]);
    let relay = stage.start_on(broker, Relay::new());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ids: Vec<_> = stage.arrived().into_iter().map(|message| message.properties.message_id).collect();
    let id = stage.store.written()[0].row.event.id.to_string();
    assert_eq!(ids, [Some(id.clone()), Some(id)], "the same event, twice");
    relay.stop().await;
}
