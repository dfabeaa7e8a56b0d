//! What a hostile event, a hostile error type and a database that is away together cannot do.

use std::time::Duration;

use consumer::{
    App, Runtime,
    memory::MemoryBroker,
    retry::RetryPolicy,
    testing::{Fault, MemoryStore, Step},
};

use super::{A_WHILE, app, orders, play, stage};

#[tokio::test(start_paused = true)]
async fn a_stop_while_nobody_can_look_for_the_claim_makes_no_innocent_message_dead() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    store.fail(Step::Commit, Fault::Lost);
    for _ in 0..500 {
        store.fail(Step::Find, Fault::Lost);
    }
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    stage.wait("an outage in the health", |s| !s.handle.health().ready).await;
    let broker = stage.broker.clone();
    stage.stop().await.expect("a stop in good order");
    assert_eq!((broker.depth("orders"), broker.unacked("orders")), (1, 0), "given back");
    assert_eq!(broker.messages("orders.dlq").len(), 0, "an outage is nobody's fault");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_lets_nobody_in_burns_no_attempt_whatever_it_says() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for step in [Step::Open, Step::Begin, Step::Claim] {
        for _ in 0..20 {
            store.fail(step, Fault::Unclassified);
        }
    }
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    tokio::time::sleep(A_WHILE * 20).await;
    assert_eq!(stage.dead("orders"), [""; 0]);
    assert_eq!((store.pending_faults(), store.committed()), (0, vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn one_who_never_gets_its_turn_to_begin_burns_no_attempt() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..100 {
        store.fail(Step::Begin, Fault::Error(consumer::Class::Conflict));
    }
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    tokio::time::sleep(A_WHILE * 20).await;
    assert_eq!(stage.dead("orders"), [""; 0]);
    assert_eq!((store.pending_faults(), store.committed()), (0, vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_panics_while_it_is_read_ends_alone() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for id in ["a", "b", "c"] {
        play(&stage, id, "explodes").await;
    }
    assert_eq!(stage.dead("orders"), ["undecodable"; 3]);
    assert!(!stage.dead_errors("orders")[0].contains("as asked"), "a panic may repeat the data");
    play(&stage, "d", "works").await;
    assert_eq!(store.committed(), ["d"]);
    assert!(stage.handle.health().ready);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_while_it_is_written_ends_alone() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    play(&stage, "a", "fails without words").await;
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"]);
    assert!(stage.dead_errors("orders")[0].contains("panicked: no words for it"));
    play(&stage, "b", "works").await;
    assert_eq!(store.committed(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn no_wait_outlasts_the_consumer_timeout_of_the_broker() {
    let stage = stage(&MemoryStore::new()).await;
    stage.publish("orders", "a", "order", r#"{"what":"fails, much later"}"#).await;
    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(stage.broker.unacked("orders"), 1, "waited for");
    tokio::time::sleep(Duration::from_secs(24 * 60)).await;
    assert_eq!(stage.dead("orders"), ["attempts-exhausted"], "before the broker would close the channel");
}

#[tokio::test]
async fn a_policy_that_holds_deliveries_too_long_is_refused() {
    let hours = Duration::from_secs(3600);
    for policy in [
        RetryPolicy::default().at_once(10).waits(hours, hours),
        RetryPolicy::default().at_once(100).waits(hours, Duration::MAX),
        RetryPolicy::default().at_once(u32::MAX),
    ] {
        let app = App::new().register_with::<orders>(move |c| c.retry(policy.clone()));
        let run = Runtime::new(MemoryStore::new(), MemoryBroker::new()).run(app);
        let error = run.until(async {}).await.expect_err("waits beyond the consumer timeout");
        assert!(error.is_settings() && error.to_string().contains("consumer timeout"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_during_the_start() {
    let broker = MemoryBroker::new();
    broker.go_down("maintenance");
    let runtime = Runtime::new(MemoryStore::new(), broker).run(app());
    let stopped = tokio::time::timeout(A_WHILE, runtime.until(tokio::time::sleep(Duration::from_secs(1))));
    stopped.await.expect("a stop").expect("in good order");
}
