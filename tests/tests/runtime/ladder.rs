//! The ladder: what fails at once comes back later, as a confirmed copy, with its delivery done with.

use std::time::Duration;

use consumer::{
    App, Broker,
    broker::{QueueSpec, Topology},
    handler::ConsumerConfig,
    memory::MemoryBroker,
    message::Message,
    retry::RetryPolicy,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::{Stage, message};
use tokio::time::Instant;

use super::{A_WHILE, app_with, stage};

const RUNGS: [u64; 4] = [5, 30, 5 * 60, 30 * 60];

async fn climbing(store: &MemoryStore) -> Stage {
    Stage::start(store.clone(), MemoryBroker::new(), app_with(|c| c)).await
}

fn rungs(config: ConsumerConfig) -> ConsumerConfig {
    config.retry(RetryPolicy::default().ladder([5, 30].map(Duration::from_secs)))
}

fn on_the_ladder(stage: &Stage) -> usize {
    let spec = QueueSpec::new("orders");
    RUNGS.iter().map(|rung| stage.broker.depth(&spec.wait_queue(Duration::from_secs(*rung)))).sum()
}

async fn publish(stage: &Stage, id: &str, what: &str) {
    stage.publish("orders", id, "order", &format!(r#"{{"what":"{what}"}}"#)).await;
}

/// Waits until nothing is left of anything, on the ladder neither.
async fn settled(stage: &Stage) {
    let patience = Instant::now() + 100 * A_WHILE;
    while on_the_ladder(stage) + stage.broker.depth("orders") + stage.broker.unacked("orders") > 0 {
        assert!(Instant::now() < patience, "waited in vain for an empty ladder");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn letters(stage: &Stage) -> Vec<Message> {
    stage.broker.messages("orders.dlq")
}

#[tokio::test(start_paused = true)]
async fn what_fails_climbs_rung_by_rung_and_is_dead_after_the_last() {
    let store = MemoryStore::new();
    let stage = climbing(&store).await;
    let begun = Instant::now();
    publish(&stage, "a", "fails").await;
    stage.wait("the first rung", |s| on_the_ladder(s) == 1).await;
    assert_eq!(stage.broker.unacked("orders"), 0, "the delivery is not held");
    settled(&stage).await;
    let (took, least) = (begun.elapsed().as_secs(), RUNGS.iter().sum::<u64>());
    assert!((least..=least * 5 / 4 + 10).contains(&took), "{took} s");
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"]);
    assert_eq!(letters(&stage)[0].headers.get("x-consumer-attempts"), Some(&15.into()), "3 at once, 5 times");
    assert_eq!(stage.broker.tally("orders").returned, 0, "nothing bounces");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_after_a_rung_counts_on() {
    let store = MemoryStore::new();
    let stage = climbing(&store).await;
    publish(&stage, "a", "fails four times").await;
    settled(&stage).await;
    assert_eq!(store.committed(), ["a"], "the fifth attempt is the second after the first rung");
    assert!(letters(&stage).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_an_error_asks_for_wins_over_the_ladder_and_is_counted_once() {
    let store = MemoryStore::new();
    let stage = climbing(&store).await;
    let begun = Instant::now();
    publish(&stage, "a", "fails, much later").await;
    // It asks for 24 hours each time, and is never tried before.
    tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
    assert_eq!(on_the_ladder(&stage), 1);
    assert!(
        stage.broker.tally("orders").delivered > 40,
        "it came back from the longest rung and went there again"
    );
    while letters(&stage).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(6 * 24 * 3600), "waited in vain for its end");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(4 * 24 * 3600), "four rungs of a day each");
    assert_eq!(letters(&stage)[0].headers.get("x-consumer-attempts"), Some(&5.into()));
}

#[tokio::test(start_paused = true)]
async fn mutant_attempts_from_headers() {
    let store = MemoryStore::new();
    let stage = climbing(&store).await;
    let mut forged = message("a", "order", r#"{"what":"fails four times"}"#);
    for header in ["x-consumer-delayed", "x-consumer-attempts", "x-delivery-count"] {
        forged.headers.insert(header, 99);
    }
    stage.publish_message("orders", forged).await;
    settled(&stage).await;
    assert_eq!(store.committed(), ["a"], "a header made it dead: {:?}", stage.dead("orders"));
}

#[tokio::test(start_paused = true)]
async fn mutant_requeue_as_retry() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(rungs)).await;
    let begun = Instant::now();
    publish(&stage, "a", "fails").await;
    stage.wait("a failure", |s| on_the_ladder(s) + letters(s).len() > 0).await;
    settled(&stage).await;
    assert_eq!(stage.broker.tally("orders").returned, 0, "a retry burned the delivery limit");
    assert!(begun.elapsed() >= Duration::from_secs(35), "nothing was waited for");
}

/// Its wait queue is not there, so that no copy can be confirmed.
#[tokio::test(start_paused = true)]
async fn mutant_copy_acked_before_confirm() {
    let (store, broker) = (MemoryStore::new(), MemoryBroker::new());
    broker.prepare(&[QueueSpec::new("orders")]).await.expect("a queue");
    let connection = broker.connect();
    let app = app_with(|c| rungs(c).topology(Topology::Leave));
    let stage = Stage::start(store.clone(), connection.clone(), app).await;
    publish(&stage, "a", "fails four times").await;
    stage.wait("a complaint", |s| s.handle.health().to_string().contains("orders.wait.5000")).await;
    stage.kill().await;
    connection.close().await;
    let heir = Stage::start(store.clone(), broker, app_with(rungs)).await;
    settled(&heir).await;
    assert_eq!(store.committed(), ["a"], "the message is lost with its copy");
}

#[tokio::test(start_paused = true)]
async fn copies_of_one_event_share_its_attempts() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(rungs)).await;
    for _ in 0..3 {
        publish(&stage, "a", "fails").await;
    }
    settled(&stage).await;
    assert!(stage.dead("orders").iter().all(|reason| reason == "attempts-exhausted"));
    assert!(stage.broker.tally("orders").delivered <= 3 + 2, "two rungs for all of them, not for each");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_away_before_a_failure_is_counted_is_waited_for() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(rungs)).await;
    for _ in 0..20 {
        store.fail(Step::RecordFailure, Fault::Lost);
        store.fail(Step::FindFailure, Fault::Lost);
    }
    publish(&stage, "a", "fails four times").await;
    tokio::time::sleep(5 * A_WHILE).await;
    settled(&stage).await;
    assert_eq!((store.committed(), store.pending_faults()), (vec!["a".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn ten_conflicts_in_a_row_go_to_the_ladder() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(rungs)).await;
    for _ in 0..11 {
        store.fail(Step::Claim, Fault::Error(consumer::Class::Conflict));
    }
    publish(&stage, "a", "works").await;
    stage.wait("the ladder", |s| on_the_ladder(s) == 1).await;
    settled(&stage).await;
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_a_copy_waits_loses_nothing() {
    let (store, broker) = (MemoryStore::new(), MemoryBroker::new());
    let stage = Stage::start(store.clone(), broker.connect(), app_with(rungs)).await;
    publish(&stage, "a", "fails four times").await;
    stage.wait("the ladder", |s| on_the_ladder(s) == 1).await;
    stage.stop().await.expect("a good end");
    let heir = Stage::start(store.clone(), broker, app_with(rungs)).await;
    settled(&heir).await;
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_without_a_ladder_declares_no_wait_queue() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    let spec = QueueSpec::new("orders");
    for rung in RUNGS {
        let depth = Broker::depth(&stage.broker, &spec.wait_queue(Duration::from_secs(rung))).await;
        assert_eq!(depth.expect("an answer"), None);
    }
    let _: App<MemoryStore> = super::app();
}
