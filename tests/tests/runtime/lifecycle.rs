//! Starting, pausing, stopping, and what is refused.

use std::{sync::Arc, time::Duration};

use consumer::{
    App, Runtime,
    memory::MemoryBroker,
    retry::RetryPolicy,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::Stage;
use tokio::sync::Semaphore;

use super::{A_WHILE, Turnstile, app, orders, play, queueing, stage};

async fn queueing_stage(store: &MemoryStore, permits: usize) -> (Stage, Turnstile) {
    let turnstile = Turnstile(Arc::new(Semaphore::new(permits)));
    let app =
        App::new().state(turnstile.clone()).register_with::<queueing>(|c| c.concurrency(2).prefetch(10));
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app).await;
    for n in 0..20 {
        stage.publish("queueing", &n.to_string(), "order", r#"{"what":"works"}"#).await;
    }
    (stage, turnstile)
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_in_work_and_gives_back_the_rest() {
    let store = MemoryStore::new();
    let (stage, turnstile) = queueing_stage(&store, 0).await;
    stage.wait("full prefetch", |s| s.broker.unacked("queueing") == 10).await;
    let broker = stage.broker.clone();
    turnstile.0.add_permits(2);
    stage.wait("two commits", |_| store.committed().len() == 2).await;
    let stopping = tokio::spawn(stage.stop());
    tokio::time::sleep(Duration::from_secs(1)).await;
    turnstile.0.add_permits(20);
    stopping.await.unwrap().unwrap();
    assert_eq!(store.committed().len(), 4, "the two that were in work are finished, none is begun");
    assert_eq!((broker.depth("queueing"), broker.unacked("queueing")), (16, 0));
    assert_eq!(store.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_up_at_the_end_of_its_grace() {
    let store = MemoryStore::new();
    let (stage, _turnstile) = queueing_stage(&store, 0).await;
    stage.wait("two units at work", |s| store.sessions() == 2 && s.broker.unacked("queueing") == 10).await;
    let broker = stage.broker.clone();
    let asked = tokio::time::Instant::now();
    stage.stop().await.unwrap();
    let took = asked.elapsed();
    assert!((5..12).contains(&took.as_secs()), "{took:?}");
    assert_eq!((broker.depth("queueing"), broker.unacked("queueing")), (20, 0));
    assert_eq!((store.committed().len(), store.sessions()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_paused_consumer_holds_what_it_has_and_goes_on() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    let consumer = stage.handle.consumer("orders").expect("a consumer");
    consumer.pause();
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(store.committed().is_empty());
    assert_eq!(stage.broker.unacked("orders"), 1, "held, not bounced");
    let health = stage.handle.health();
    assert!(health.live && !health.ready);
    assert_eq!(health.reasons, ["consumer `orders`: paused"]);
    consumer.resume();
    stage.drained("orders").await;
    assert_eq!(store.committed(), ["a"]);
    assert!(stage.handle.health().ready);
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_gives_back_what_it_holds_before_the_broker_takes_it() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    let consumer = stage.handle.consumer("orders").expect("a consumer");
    consumer.pause();
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    tokio::time::sleep(Duration::from_secs(14 * 60)).await;
    assert_eq!(stage.broker.unacked("orders"), 1);
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert_eq!((stage.broker.unacked("orders"), stage.broker.depth("orders")), (0, 1));
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    assert_eq!(stage.broker.tally("orders").redelivered, 0, "nothing bounces while it is paused");
    consumer.resume();
    stage.drained("orders").await;
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_seen_in_health_and_makes_nothing_dead() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..50 {
        store.fail(Step::Ping, Fault::Error(consumer::Class::ServerAway));
    }
    store.fail(Step::Begin, Fault::Error(consumer::Class::ServerAway));
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    stage.wait("an outage in the health", |s| !s.handle.health().ready).await;
    let health = stage.handle.health();
    assert!(health.live);
    assert!(health.reasons[0].contains("server-away"), "{health}");
    let patience = tokio::time::Instant::now() + Duration::from_secs(3600);
    while !stage.handle.health().ready && tokio::time::Instant::now() < patience {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_makes_the_process_unready() {
    let stage = stage(&MemoryStore::new()).await;
    stage.broker.go_down("maintenance");
    let health = stage.handle.health();
    assert!(health.live && !health.ready);
    assert!(health.to_string().contains("maintenance"));
    stage.broker.recover();
    assert!(stage.handle.health().ready);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_gives_the_delivery_back() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    for _ in 0..500 {
        store.fail(Step::Begin, Fault::Error(consumer::Class::DeployWrong));
    }
    stage.publish("orders", "a", "order", r#"{"what":"works"}"#).await;
    stage.wait("an outage in the health", |s| !s.handle.health().ready).await;
    let broker = stage.broker.clone();
    stage.stop().await.unwrap();
    assert_eq!((broker.depth("orders"), broker.unacked("orders")), (1, 0));
}

#[tokio::test]
async fn a_start_names_everything_that_is_missing_at_once() {
    let app = app().merge(App::new().register::<(queueing, orders)>());
    let run = Runtime::new(MemoryStore::new(), MemoryBroker::new()).run(app);
    let error = run.until(async {}).await.expect_err("two mistakes");
    assert!(error.is_wiring());
    let text = error.to_string();
    assert!(text.contains("Turnstile") && text.contains("`queueing`"), "{text}");
    assert!(text.contains("consumer `orders` is registered 2 times"), "{text}");
}

#[tokio::test]
async fn a_retention_below_the_horizon_is_refused() {
    let policy =
        RetryPolicy::never().at_once(10).waits(Duration::from_millis(200), Duration::from_secs(3600));
    let app = App::new().register_with::<orders>(move |c| c.retry(policy.clone()));
    let runtime = Runtime::new(MemoryStore::new(), MemoryBroker::new()).retention(Duration::from_secs(1800));
    let error = runtime.run(app).until(async {}).await.expect_err("a retention that is too short");
    assert!(error.is_settings() && error.to_string().contains("`orders`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_under_way_when_the_stop_comes_is_not_lost() {
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    stage.publish("orders", "a", "order", r#"{"what":"fails"}"#).await;
    stage.wait("a first failure", |s| s.broker.unacked("orders") == 1).await;
    let broker = stage.broker.clone();
    stage.stop().await.unwrap();
    let dead = broker.messages("orders.dlq").len();
    assert_eq!(broker.depth("orders") + dead, 1, "given back, or dead if it was quick");
    let again = Stage::start(store.clone(), broker, app()).await;
    play(&again, "b", "works").await;
    assert!(store.committed().contains(&"b".to_owned()));
}
