//! What a handler publishes: it leaves with the commit, at once, or not at all.

use std::{collections::HashMap, time::Duration};

use consumer::{
    App, Runtime,
    broker::{Binding, Broker, QueueSpec},
    memory::MemoryBroker,
    outbox::{Relay, Standing},
    prelude::*,
    telemetry::{OUTBOX_OLDEST, OUTBOX_PUBLISHED, OUTBOX_REFUSED, OUTBOX_UNSENT},
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::Stage;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::{A_WHILE, Order, play};

const SHIPPED: &str = "shipped";

/// What follows from an order.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "shipped", version = 1)]
struct Shipped {
    #[event(key)]
    to: String,
}

#[consumer(name = "shipping", timeout = "2s")]
async fn shipping(order: Order, meta: Meta, outbox: Outbox<'_>) -> anyhow::Result<()> {
    outbox.publish(&Shipped { to: "home".to_owned() });
    anyhow::ensure!(order.what != "fails once" || meta.attempt() > 1, "not yet");
    Ok(())
}

fn app() -> App<MemoryStore> {
    App::new().register_with::<shipping>(|c| c.queue("orders").concurrency(2).prefetch(16))
}

async fn broker() -> MemoryBroker {
    let broker = MemoryBroker::new();
    let mut queue = QueueSpec::new(SHIPPED);
    queue.bindings.push(Binding { exchange: "amq.topic".into(), routing_key: SHIPPED.into() });
    broker.prepare(&[queue]).await.expect("a queue");
    broker
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_publishes_leaves_at_once_and_says_what_caused_it() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), broker().await, app()).await;
    tokio::time::sleep(A_WHILE).await;
    let began = tokio::time::Instant::now();
    play(&stage, "a", "works").await;
    stage.wait("an event", |s| s.broker.depth(SHIPPED) == 1).await;
    assert!(began.elapsed() < Duration::from_millis(10), "{:?}", began.elapsed());
    let message = stage.broker.messages(SHIPPED).remove(0);
    assert_eq!(message.properties.correlation_id.as_deref(), Some("a"));
    assert_eq!(message.headers.get("x-event-sequence").and_then(|n| n.as_i64()), Some(1));
    stage.stop().await.expect("a stop in good order");
    assert_eq!(store.written()[0].standing, Standing::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_publishes_nothing_and_an_unknown_commit_once() {
    let store = MemoryStore::new();
    let stage = Stage::start(store.clone(), broker().await, app()).await;
    play(&stage, "a", "fails once").await;
    store.fail(Step::Commit, Fault::ReplyLost);
    play(&stage, "b", "works").await;
    store.fail(Step::Commit, Fault::RequestLost);
    play(&stage, "c", "works").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(stage.broker.depth(SHIPPED), 3);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_relay_tells_the_others_after_its_commit() {
    let (store, broker) = (MemoryStore::new(), broker().await);
    let patient = Relay::new().poll(Duration::from_secs(3600));
    let relay = Runtime::new(store.clone(), broker.connect()).relay(patient);
    let _relaying = tokio::spawn(relay.run(App::new()).until(std::future::pending()));
    let writer = Runtime::new(store.clone(), broker.clone()).relay(Relay::off());
    let handle = writer.handle();
    let _writing = tokio::spawn(writer.run(app()).until(std::future::pending()));
    while !handle.health().ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(handle.outbox().survey(), None, "it does not relay");
    for n in 1..=20 {
        let message = consumer_tests::stage::message(&n.to_string(), "order", r#"{"what":"works"}"#);
        let publication =
            consumer::broker::Publication { exchange: String::new(), routing_key: "orders".into(), message };
        broker.publish(publication).await.expect("a queue");
        let began = tokio::time::Instant::now();
        while broker.depth(SHIPPED) < n {
            assert!(began.elapsed() < Duration::from_millis(200), "event {n} waits");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[test]
fn figures_of_the_outbox_are_right_during_an_outage_too() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A look takes the figures with it.
    let look = || -> HashMap<String, f64> {
        let figures = snapshotter.snapshot().into_vec().into_iter();
        let figures = figures.map(|(key, _, _, value)| {
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (key.key().name().to_owned(), value)
        });
        figures.collect()
    };
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        rt.block_on(async {
            let stage = Stage::start(MemoryStore::new(), MemoryBroker::new(), app()).await;
            play(&stage, "a", "works").await;
            tokio::time::sleep(Duration::from_secs(100)).await;
            let figures = look();
            assert!(figures[OUTBOX_REFUSED] > 3.0);
            assert_eq!(figures[OUTBOX_UNSENT], 1.0, "no queue is bound");
            assert!((95.0..=100.0).contains(&figures[OUTBOX_OLDEST]), "{figures:?}");
            stage.broker.go_down("maintenance");
            tokio::time::sleep(Duration::from_secs(100)).await;
            let figures = look();
            assert!((195.0..=200.0).contains(&figures[OUTBOX_OLDEST]), "{figures:?}");
            stage.broker.recover();
            let mut queue = QueueSpec::new(SHIPPED);
            queue.bindings.push(Binding { exchange: "amq.topic".into(), routing_key: SHIPPED.into() });
            stage.broker.prepare(&[queue]).await.expect("a queue");
            tokio::time::sleep(A_WHILE * 2).await;
            let figures = look();
            assert_eq!(
                [OUTBOX_PUBLISHED, OUTBOX_UNSENT, OUTBOX_OLDEST].map(|name| figures[name]),
                [1.0, 0.0, 0.0]
            );
        });
    });
}
