//! What the broker and the database can do to a relay.

use std::time::Duration;

use consumer_core::{
    Class, Error,
    broker::Publication,
    outbox::{Relay, Route, Standing},
    storage::OutboxStorage,
    testing::{Fault, Step},
};

use super::{
    broker::{Answer, Scripted},
    stage::{Stage, of, to, unordered},
};

const SOON: Duration = Duration::from_secs(10);
/// Longer than the longest wait after a refusal.
const A_WHILE: Duration = Duration::from_secs(90);

#[tokio::test(start_paused = true)]
async fn an_unroutable_event_stops_its_own_key_and_leaves_when_a_queue_is_bound() {
    let stage = Stage::new().await;
    stage.broker.declare_exchange("later", consumer_core::memory::ExchangeKind::Topic);
    let relay = stage.start(Relay::new());
    let nowhere = || Route::new().exchange("later");
    stage.store.publish_all(&[to("poison", nowhere()), of("poison"), of("fine"), unordered()]);
    tokio::time::sleep(SOON).await;
    assert_eq!(stage.standing(Standing::Sent), 2, "other keys go on");
    assert_eq!(stage.standing(Standing::Refused), 1);
    let health = relay.handle.health();
    assert!(health.ready, "{health}");
    assert!(health.to_string().contains("bind a queue"), "{health}");

    let mut queue = consumer_core::broker::QueueSpec::new("later");
    queue.bindings.push(consumer_core::broker::Binding { exchange: "later".into(), routing_key: "#".into() });
    consumer_core::Broker::prepare(&stage.broker, &[queue]).await.expect("a queue");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(stage.standing(Standing::Sent), 4);
    assert_eq!(relay.handle.health().warnings, [""; 0]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_stops_its_own_keys_and_nothing_is_marked_sent() {
    let stage = Stage::new().await;
    let full = |publication: &Publication, before: usize| match publication.routing_key.as_str() {
        "full" if before < 4 => Answer::Refuse(Error::nacked("the queue is full")),
        _ => Answer::Confirm(Duration::ZERO),
    };
    let broker = Scripted::new(stage.broker.connect(), full);
    let relay = stage.start_on(broker.clone(), Relay::new());
    stage.store.publish_all(&[to("a", Route::new().routing_key("full")), of("a"), of("b")]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((stage.standing(Standing::Sent), stage.standing(Standing::Refused)), (1, 1));
    stage.all_sent().await;
    stage.check();
    assert_eq!(stage.refusals(), 4);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_broker_takes_is_parked_until_a_person_acts() {
    let stage = Stage::new().await;
    let mut poison = of("poison");
    poison.routing_key = "x".repeat(300);
    let mut another = of("another");
    another.routing_key = "x".repeat(300);
    let relay = stage.start(Relay::new());
    stage.store.publish_all(&[poison.clone(), of("poison"), of("fine"), another.clone(), of("another")]);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((stage.standing(Standing::Parked), stage.standing(Standing::Sent)), (2, 1));
    let health = relay.handle.health();
    assert!(health.ready && health.to_string().contains("2 parked events"), "{health}");

    let mut session =
        consumer_core::storage::Sessions::open(&stage.store, limits()).await.expect("a session");
    assert!(stage.store.discard_outbox(&mut session, poison.id).await.expect("discarded"));
    assert!(stage.store.release_outbox(&mut session, another.id).await.expect("released"));
    tokio::time::sleep(SOON).await;
    assert_eq!(stage.standing(Standing::Sent), 2, "the rest of the first key");
    assert_eq!(stage.standing(Standing::Parked), 1, "the same row is poison still");
    drop(session);
    relay.stop().await;
}

fn limits() -> consumer_core::storage::UnitLimits {
    consumer_core::storage::UnitLimits { handler: SOON, grace: SOON }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_is_sent_nothing_and_no_row_is_to_blame() {
    let stage = Stage::new().await;
    let counted = Scripted::new(stage.broker.clone(), |_, _| Answer::Confirm(Duration::ZERO));
    let relay = stage.start_on(counted.clone(), Relay::new());
    tokio::time::sleep(SOON).await;
    for outage in ["memory alarm", "gone"] {
        match outage {
            "gone" => stage.broker.go_down(outage),
            _ => stage.broker.block(outage),
        }
        let before = counted.publishes().len();
        stage.store.publish_all(&[of("a"), of("b"), unordered()]);
        relay.handle.outbox().wake();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(counted.publishes().len(), before, "nothing is sent to it");
        assert_eq!((stage.standing(Standing::Waiting), stage.refusals()), (3, 0));
        let health = relay.handle.health();
        assert!(!health.ready && health.to_string().contains(outage), "{health}");
        assert!(health.warnings[0].contains("the oldest of 3 unsent events"), "{health}");
        let survey = relay.handle.outbox().survey().expect("it is counted during the outage");
        assert_eq!(survey.unsent, 3);
        assert!((590..=600).contains(&survey.oldest.as_secs()), "{survey:?}");
        stage.broker.recover();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(stage.standing(Standing::Waiting), 0, "all leave when it is back");
        tokio::time::sleep(SOON).await;
        let health = relay.handle.health();
        assert!(health.ready && health.warnings.is_empty(), "{health}");
        assert_eq!(relay.handle.outbox().survey().expect("a survey").oldest, Duration::ZERO);
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_process_with_a_better_broker_takes_over_at_once() {
    let stage = Stage::new().await;
    let cut_off = consumer_core::memory::MemoryBroker::new();
    let first = stage.start_on(cut_off.clone(), Relay::new());
    tokio::time::sleep(SOON).await;
    cut_off.block("memory alarm");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.store.publish_all(&[of("a"), of("a")]);
    let second = stage.start(Relay::new());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.standing(Standing::Sent), 2);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_confirm_is_made_up_for_with_the_same_id() {
    let stage = Stage::new().await;
    let broker = Scripted::new(stage.broker.connect(), |_, before| match before {
        0 => Answer::Unconfirmed(Duration::from_secs(10)),
        _ => Answer::Confirm(Duration::ZERO),
    });
    stage.store.publish_all(&[of("a"), of("a"), of("b"), unordered()]);
    let relay = stage.start_on(broker.clone(), Relay::new());
    stage.all_sent().await;
    stage.check();
    assert!(broker.publishes().values().all(|times| *times == 2));
    assert_eq!(broker.publishes().len(), 4, "no new ids");
    assert_eq!(stage.refusals(), 0, "an outage counts nothing");
    relay.stop().await;
}

const STUCK: usize = 100;

#[tokio::test(start_paused = true)]
async fn a_queue_that_never_confirms_holds_up_nobody_else() {
    let stage = Stage::new().await;
    let broker =
        Scripted::new(stage.broker.connect(), |publication, _| match publication.routing_key.as_str() {
            "leaderless" => Answer::Unconfirmed(Duration::from_secs(10)),
            _ => Answer::Confirm(Duration::from_millis(1)),
        });
    let relay = stage.start_on(broker, Relay::new());
    for n in 0..STUCK {
        stage.store.publish_all(&[to(&format!("stuck {n}"), Route::new().routing_key("leaderless"))]);
    }
    let mut slowest = Duration::ZERO;
    for n in 0..600 {
        stage.store.publish_all(&[of(&n.to_string())]);
        relay.handle.outbox().wake();
        let committed = tokio::time::Instant::now();
        stage.wait("an event to leave", |stage| stage.store.unsent() == STUCK).await;
        slowest = slowest.max(committed.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(stage.refusals() >= 100, "they wait longer and longer");
    relay.kill().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_confirmed_is_kept_until_the_database_can_be_told() {
    let stage = Stage::new().await;
    let broker = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::ZERO));
    let relay = stage.start_on(broker.clone(), Relay::new());
    tokio::time::sleep(SOON).await;
    for _ in 0..5 {
        stage.store.fail(Step::SettleOutbox, Fault::Error(Class::ServerAway));
        stage.store.fail(Step::Open, Fault::Lost);
    }
    stage.store.fail(Step::SettleOutbox, Fault::ReplyLost);
    for n in 0..100 {
        stage.store.publish_all(&[of(&n.to_string())]);
    }
    relay.handle.outbox().wake();
    stage.wait("an outage in the health", |_| !relay.handle.health().ready).await;
    let complaint = relay.handle.health().to_string();
    assert!(complaint.contains("cannot write what became of events: server-away"), "{complaint}");
    stage.all_sent().await;
    assert_eq!(stage.store.pending_faults(), 0, "a fault that never fired proves nothing");
    assert!(broker.publishes().values().all(|times| *times == 1), "none is published twice for it");
    tokio::time::sleep(SOON).await;
    assert!(relay.handle.health().ready);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_the_database_says_everything_leaves_in_order() {
    let stage = Stage::new().await;
    let classes = [Class::Conflict, Class::ServerAway, Class::DeployWrong, Class::OutOfSpace];
    let steps = [Step::Open, Step::LeaseOutbox, Step::SettleOutbox, Step::RenewOutbox, Step::SurveyOutbox];
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(1500)));
    let relay = stage.start_on(slow, Relay::new().lease(Duration::from_secs(2)));
    for step in steps {
        for class in classes {
            stage.store.fail(step, Fault::Error(class));
        }
        stage.store.fail(step, Fault::Lost);
        stage.store.fail(step, Fault::Unclassified);
    }
    for n in 0..300 {
        stage.store.publish_all(&[of(&(n % 30).to_string())]);
    }
    stage.all_sent().await;
    stage.check();
    stage.wait("the last fault", |stage| stage.store.pending_faults() == 0).await;
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_table_is_named_in_the_health() {
    let stage = Stage::new().await;
    let relay = stage.start(Relay::new());
    for _ in 0..100 {
        stage.store.fail(Step::LeaseOutbox, Fault::Error(Class::DeployWrong));
    }
    stage.wait("a complaint", |_| relay.handle.health().to_string().contains("deploy-wrong")).await;
    assert!(relay.handle.health().live && !relay.handle.health().ready);
    relay.kill().await;
}
