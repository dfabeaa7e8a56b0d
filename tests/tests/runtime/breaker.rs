//! The circuit breaker: trouble pauses consuming, and nothing bounces.

use std::time::Duration;

use consumer::{
    Class,
    circuit::{CircuitBreaker, CircuitState},
    memory::MemoryBroker,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::Stage;

use super::{app_with, play};

/// More than are prefetched.
const ORDERS: usize = 40;

async fn troubled(store: &MemoryStore, step: Step, class: Class) -> Stage {
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(|c| c)).await;
    store.break_down(step, Fault::Error(class));
    for n in 0..ORDERS {
        stage.publish("orders", &format!("{n:02}"), "order", r#"{"what":"works"}"#).await;
    }
    stage.wait("an open breaker", |s| circuit(s) == CircuitState::Open).await;
    stage
}

fn circuit(stage: &Stage) -> CircuitState {
    stage.handle.consumer("orders").expect("a consumer").circuit()
}

async fn all_through(stage: &Stage, store: &MemoryStore) {
    stage.wait("every event", |_| store.committed().len() == ORDERS).await;
    stage.drained("orders").await;
    assert_eq!(circuit(stage), CircuitState::Closed);
    assert!(stage.handle.health().ready, "{}", stage.handle.health());
    assert!(stage.dead("orders").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outage_pauses_consuming_and_no_delivery_bounces() {
    for (step, class) in [
        (Step::Open, Class::ServerAway),
        (Step::Begin, Class::ServerAway),
        (Step::Claim, Class::OutOfSpace),
        (Step::Commit, Class::DeployWrong),
    ] {
        let store = MemoryStore::new();
        let stage = troubled(&store, step, class).await;
        let health = stage.handle.health();
        assert!(health.live && !health.ready && health.to_string().contains("circuit breaker"), "{health}");
        tokio::time::sleep(Duration::from_secs(14 * 60)).await;
        let tally = stage.broker.tally("orders");
        assert_eq!((tally.returned, tally.acked), (0, 0), "held, on {step:?}");
        store.repair();
        all_through(&stage, &store).await;
        assert_eq!(stage.broker.tally("orders").returned, 0, "every delivery came once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_broker_waits_gives_back_once_and_asks_on() {
    let store = MemoryStore::new();
    let stage = troubled(&store, Step::Begin, Class::ServerAway).await;
    store.break_down(Step::Ping, Fault::Error(Class::ServerAway));
    tokio::time::sleep(Duration::from_secs(16 * 60)).await;
    assert_eq!(stage.broker.unacked("orders"), 0);
    let returned = stage.broker.tally("orders").returned;
    assert_eq!(returned, 16, "what was prefetched, each once");
    tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
    assert_eq!(stage.broker.tally("orders").returned, returned, "it asks without a message");
    store.repair();
    all_through(&stage, &store).await;
    assert_eq!(stage.broker.tally("orders").returned, returned);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_deploy_of_a_day_burns_no_delivery_limit() {
    let store = MemoryStore::new();
    let app = app_with(|c| c.delivery_limit(10));
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app).await;
    // The database answers, but no unit gets through: only a message can tell.
    store.break_down(Step::Claim, Fault::Error(Class::DeployWrong));
    for n in 0..ORDERS {
        stage.publish("orders", &format!("{n:02}"), "order", r#"{"what":"works"}"#).await;
    }
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(store.committed().is_empty() && circuit(&stage) != CircuitState::Closed);
    assert!(stage.dead("orders").is_empty(), "the broker has given up on one: {:?}", stage.dead("orders"));
    assert_eq!(stage.broker.tally("orders").dead_lettered, 0);
    store.repair();
    all_through(&stage, &store).await;
}

#[tokio::test(start_paused = true)]
async fn bad_data_never_opens_it() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), super::app()).await;
    for n in 0..30 {
        play(&stage, &format!("r{n}"), "refuses").await;
        play(&stage, &format!("f{n}"), "fails").await;
        play(&stage, &format!("p{n}"), "panics").await;
        assert_eq!(circuit(&stage), CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it() {
    let store = MemoryStore::new();
    let app = app_with(|c| c.circuit_breaker(CircuitBreaker::default().troubles(3)));
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app).await;
    for n in 0..4 {
        stage.publish("orders", &n.to_string(), "order", r#"{"what":"hangs"}"#).await;
    }
    stage.wait("an open breaker", |s| circuit(s) == CircuitState::Open).await;
    let health = stage.handle.health().to_string();
    assert!(health.contains("did not finish within 2s"), "{health}");
}

#[tokio::test(start_paused = true)]
async fn its_state_can_be_watched() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(|c| c)).await;
    let mut state = stage.handle.consumer("orders").expect("a consumer").watch_circuit();
    assert_eq!(*state.borrow_and_update(), CircuitState::Closed);
    store.break_down(Step::Begin, Fault::Error(Class::ServerAway));
    for n in 0..3 {
        stage.publish("orders", &n.to_string(), "order", r#"{"what":"works"}"#).await;
    }
    state.wait_for(|state| *state == CircuitState::Open).await.expect("the runtime lives");
    store.repair();
    // It is half-open for as long as one message takes, which nobody may see.
    state.wait_for(|state| *state == CircuitState::Closed).await.expect("the runtime lives");
    stage.drained("orders").await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_it_is_open_gives_back_what_is_held() {
    let store = MemoryStore::new();
    let stage = troubled(&store, Step::Begin, Class::ServerAway).await;
    let broker = stage.broker.clone();
    stage.stop().await.expect("a good end");
    assert_eq!((broker.depth("orders"), broker.unacked("orders")), (ORDERS, 0));
}
