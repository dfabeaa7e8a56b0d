//! Limits: how fast, and how far a chain of events may lead.

use std::time::Duration;

use consumer::{handler::RateLimit, memory::MemoryBroker, testing::MemoryStore};
use consumer_tests::stage::{Stage, message};
use tokio::time::Instant;

use super::app_with;

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_by_all_workers_together() {
    let store = MemoryStore::new();
    let app = app_with(|c| c.rate_limit(RateLimit::per_second(10).burst(5)));
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app).await;
    let begun = Instant::now();
    for n in 0..105 {
        stage.publish("orders", &n.to_string(), "order", r#"{"what":"works"}"#).await;
    }
    stage.drained("orders").await;
    let took = begun.elapsed().as_millis();
    assert!((10_000..10_500).contains(&took), "{took} ms for 5 at once and 100 at 10 a second");
    assert_eq!(store.committed().len(), 105);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_rate() {
    let store = MemoryStore::new();
    let app = app_with(|c| c.rate_limit(RateLimit::per_minute(1)));
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app).await;
    for n in 0..10 {
        stage.publish("orders", &n.to_string(), "order", r#"{"what":"works"}"#).await;
    }
    stage.wait("the first", |_| store.committed().len() == 1).await;
    let (broker, begun) = (stage.broker.clone(), Instant::now());
    stage.stop().await.expect("a good end");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!((broker.depth("orders"), store.committed().len()), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_event_of_a_chain_that_is_too_long_is_dead() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), MemoryBroker::new(), app_with(|c| c)).await;
    for hops in [0, 16, 17, i64::MAX, -3] {
        let mut order = message(&format!("after {hops}"), "order", r#"{"what":"works"}"#);
        order.headers.insert("x-consumer-hops", hops);
        stage.publish_message("orders", order).await;
    }
    stage.drained("orders").await;
    assert_eq!(stage.dead("orders"), ["hop-limit"; 2]);
    assert_eq!(store.committed().len(), 3);
    assert!(stage.dead_errors("orders")[0].contains("`max_hops`"));
}
