//! How a unit can end, and what becomes of the delivery.

use consumer::{
    Class,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::message;

use super::{play, stage};

#[tokio::test(start_paused = true)]
async fn an_event_takes_effect_once_however_often_it_comes() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..5 {
        play(&stage, "a", "works").await;
    }
    assert_eq!(store.committed(), ["a"]);
    assert!(stage.dead("orders").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_after_a_duplicate_is_looked_up_and_nothing_is_begun_for_it() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..2 {
        play(&stage, "a", "works").await;
    }
    store.fail(Step::Begin, Fault::Error(Class::ServerAway));
    for _ in 0..3 {
        play(&stage, "a", "works").await;
    }
    assert_eq!(store.pending_faults(), 1, "a duplicate began a transaction");
    play(&stage, "a", "refuses").await;
    assert_eq!(stage.dead("orders"), ["id-reused"]);
    assert_eq!(store.pending_faults(), 1, "a look found it");

    play(&stage, "b", "works").await;
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(store.committed(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_used_for_another_body_is_never_skipped() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    stage.publish("orders", "a", "order", r#"{"what":"works","for":1}"#).await;
    stage.drained("orders").await;
    stage.publish("orders", "a", "order", r#"{ "for": 1, "what": "works" }"#).await;
    stage.drained("orders").await;
    assert!(stage.dead("orders").is_empty(), "the order of members does not make another body");
    stage.publish("orders", "a", "order", r#"{"what":"works","for":2}"#).await;
    stage.drained("orders").await;
    assert_eq!(stage.dead("orders"), ["id-reused"]);
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_three_times_and_leaves_no_claim() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    play(&stage, "a", "fails").await;
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"]);
    assert!(stage.dead_errors("orders")[0].contains("not yet"));
    assert!(store.committed().is_empty());
    play(&stage, "b", "fails once").await;
    assert_eq!(store.committed(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_tried_once() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    let started = tokio::time::Instant::now();
    play(&stage, "a", "refuses").await;
    assert_eq!(stage.dead("orders"), ["permanent"]);
    assert!(started.elapsed().as_millis() < 100, "nothing waits for what never works");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_names_its_wait_is_waited_for() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    let started = tokio::time::Instant::now();
    play(&stage, "a", "fails once, later").await;
    assert_eq!(store.committed(), ["a"]);
    assert!(started.elapsed().as_secs() >= 5);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_the_worker_lives() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for id in ["a", "b", "c"] {
        play(&stage, id, "panics").await;
    }
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"; 3]);
    assert!(stage.dead_errors("orders")[0].contains("the handler panicked: as asked"));
    play(&stage, "d", "works").await;
    assert_eq!(store.committed(), ["d"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_cut_off_and_named() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    play(&stage, "a", "hangs").await;
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"]);
    assert!(stage.dead_errors("orders")[0].contains("did not finish within 2s"));
    assert!(store.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_a_commit_is_found_out_by_the_claim() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    store.fail(Step::Commit, Fault::ReplyLost);
    play(&stage, "committed", "works").await;
    store.fail(Step::Commit, Fault::RequestLost);
    play(&stage, "not-committed", "works").await;
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(store.committed(), ["committed", "not-committed"]);
    assert!(stage.dead("orders").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_the_handler_committed_is_a_dead_letter_not_a_duplicate() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    store.fail(Step::Commit, Fault::EndedByCommit);
    play(&stage, "a", "works").await;
    assert_eq!(stage.dead("orders"), ["transaction-ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_was_rolled_back_under_the_handler_is_tried_again() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    store.fail(Step::Commit, Fault::EndedByRollback);
    store.fail(Step::Commit, Fault::Swallowed);
    play(&stage, "a", "works").await;
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_sat_out_and_burns_no_attempt() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for step in [Step::Open, Step::Begin, Step::Claim, Step::Commit] {
        for class in [Class::ServerAway, Class::OutOfSpace, Class::DeployWrong] {
            for _ in 0..2 {
                store.fail(step, Fault::Error(class));
            }
        }
    }
    for _ in 0..5 {
        store.fail(Step::Ping, Fault::Error(Class::ServerAway));
    }
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    tokio::time::sleep(super::A_WHILE * 20).await;
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(store.committed(), ["a"]);
    assert!(stage.dead("orders").is_empty());
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_at_once_and_uncounted() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..10 {
        store.fail(Step::Claim, Fault::Error(Class::Conflict));
    }
    let started = tokio::time::Instant::now();
    play(&stage, "a", "works").await;
    assert_eq!(store.committed(), ["a"]);
    assert!(started.elapsed().as_secs() < 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_a_dead_letter_at_once() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    stage.publish("orders", "", "order", r#"{"what":"works"}"#).await;
    stage.publish("orders", "b", "order", r#"{"what":7}"#).await;
    stage.publish("orders", "c", "invoice", r#"{"what":"works"}"#).await;
    let large = format!(r#"{{"what":"works","padding":"{}"}}"#, "x".repeat(2_000_000));
    stage.publish_message("orders", message("d", "order", &large)).await;
    stage.drained("orders").await;
    let mut reasons = stage.dead("orders");
    reasons.sort();
    assert_eq!(reasons, ["missing-id", "oversized", "undecodable", "unknown-type"]);
    assert!(stage.dead_errors("orders").iter().any(|e| e.contains("what")), "the path of the field");
    assert!(store.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_confirmed_before_its_original_is_acknowledged() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    stage.publish("orders", "a", "order", r#"{"what":"refuses"}"#).await;
    stage.broker.block("memory alarm");
    tokio::time::sleep(super::A_WHILE).await;
    assert_eq!(
        stage.broker.depth("orders") + stage.broker.unacked("orders"),
        1,
        "held while nothing is confirmed"
    );
    assert!(!stage.handle.health().ready);
    stage.broker.recover();
    stage.drained("orders").await;
    assert_eq!(stage.dead("orders"), ["permanent"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_dies_makes_no_second_effect() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for n in 0..50 {
        stage.publish("orders", &format!("{n:02}"), "order", r#"{"what":"fails once"}"#).await;
    }
    for _ in 0..20 {
        stage.broker.cut("orders");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stage.drained("orders").await;
    let mut rows = store.committed();
    rows.sort();
    assert_eq!(rows, (0..50).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    assert!(stage.broker.faults().cut > 0, "a fault that never fired proves nothing");
}
