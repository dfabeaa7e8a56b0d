//! Waking, stopping, and processes that do nothing else.

use std::time::Duration;

use consumer_core::{
    App, Runtime,
    memory::MemoryBroker,
    outbox::{Relay, Standing},
    storage::OutboxStorage,
    testing::MemoryStore,
};
use tokio::time::Instant;

use super::{
    broker::{Answer, Scripted},
    stage::{Stage, of, unordered},
};

/// Below any wait of the relay's own.
const AT_ONCE: Duration = Duration::from_millis(5);

#[tokio::test(start_paused = true)]
async fn an_event_that_is_told_of_leaves_at_once() {
    let stage = Stage::new().await;
    let relay = stage.start(Relay::new());
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..3000))).await;
        stage.store.publish_all(&[of("a")]);
        let committed = Instant::now();
        relay.handle.outbox().wake();
        stage.all_sent().await;
        assert!(committed.elapsed() <= AT_ONCE, "{:?}", committed.elapsed());
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_tells_of_is_found_by_looking() {
    let stage = Stage::new().await;
    let relay = stage.start(Relay::new());
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.store.publish_all(&[of("a")]);
    let committed = Instant::now();
    stage.all_sent().await;
    assert!(committed.elapsed() <= Relay::DEFAULT_POLL.mul_f64(1.25) + AT_ONCE);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_process_announces_leaves_at_once() {
    let stage = Stage::new().await;
    let relay = stage.start(Relay::new().poll(Duration::from_secs(3600)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.store.publish_all(&[of("a")]);
    let committed = Instant::now();
    stage.store.announce().await.expect("an announcement");
    stage.all_sent().await;
    assert!(committed.elapsed() <= AT_ONCE, "{:?}", committed.elapsed());
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_publishes_what_was_committed_last() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(20)));
    let relay = stage.start_on(slow, Relay::new());
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..1000 {
        stage.store.publish_all(&[of(&(n % 50).to_string())]);
    }
    relay.stop().await;
    assert_eq!(stage.standing(Standing::Sent), 1000);
    assert_eq!(stage.store.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_although_new_events_keep_coming_and_gives_back_what_is_left() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(100)));
    let relay = stage.start_on(slow, Relay::new());
    for _ in 0..500 {
        stage.store.publish_all(&[of("one key")]);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    relay.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    let heir = stage.start(Relay::new());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.standing(Standing::Sent), 500, "free at once, without waiting for a lease to run out");
    stage.check();
    assert_eq!(stage.arrived().len(), 500, "each once");
    heir.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_its_event_is_in_flight() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_secs(20)));
    let terms = || Relay::new().lease(Duration::from_secs(2)).poll(Duration::from_millis(100));
    let first = stage.start_on(slow.clone(), terms());
    stage.store.publish_all(&[of("a"), of("a"), unordered()]);
    stage.wait("a publish", |_| slow.most() > 0).await;
    let second = stage.start_on(slow.clone(), terms());
    stage.all_sent().await;
    assert!(slow.publishes().values().all(|times| *times == 1), "nobody else got them");
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_process_that_wakes_up_publishes_nothing_that_others_may_have() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(100)));
    let relay = stage.start_on(slow.clone(), Relay::new().lease(Duration::from_secs(2)));
    for _ in 0..20 {
        stage.store.publish_all(&[of("a")]);
    }
    stage.wait("a few", |stage| stage.standing(Standing::Sent) > 2).await;
    // Nothing of the process runs meanwhile.
    tokio::time::advance(Duration::from_secs(60)).await;
    stage.all_sent().await;
    stage.check();
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_app_that_neither_consumes_nor_relays_is_a_mistake() {
    let runtime = || Runtime::new(MemoryStore::new(), MemoryBroker::new());
    for without in [runtime(), runtime().relay(Relay::off())] {
        let error = without.run(App::new()).until(async {}).await.expect_err("nothing to do");
        assert!(error.is_wiring() && error.to_string().contains("Runtime::relay"), "{error}");
    }
    let with = runtime().relay(Relay::new());
    with.run(App::new()).until(async {}).await.expect("a relay is a purpose");
}
