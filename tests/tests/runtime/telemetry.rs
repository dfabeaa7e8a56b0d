//! What is seen from outside: counters that add up, one event per settled delivery.

use std::{collections::HashMap, sync::Arc, time::Duration};

use consumer::{
    Class,
    telemetry::{DEAD_LETTERS, DEAD_LETTERS_OLDEST, FAILURES, RECEIVED, SETTLED},
    testing::{Fault, MemoryStore, Step},
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::{play, stage};

/// The counters by name and, if they have one, outcome or class.
fn counters(snapshotter: &Snapshotter) -> HashMap<(String, String), u64> {
    let mut counters = HashMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let DebugValue::Counter(count) = value else { continue };
        let label = key.key().labels().find(|l| ["outcome", "class"].contains(&l.key()));
        let label = label.map(|l| l.value().to_owned()).unwrap_or_default();
        *counters.entry((key.key().name().to_owned(), label)).or_default() += count;
    }
    counters
}

/// The gauges by name.
fn gauges(snapshotter: &Snapshotter) -> HashMap<String, f64> {
    let gauge = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| match value {
        DebugValue::Gauge(value) => Some((key.key().name().to_owned(), value.into_inner())),
        _ => None,
    };
    snapshotter.snapshot().into_vec().into_iter().filter_map(gauge).collect()
}

#[test]
fn dead_letters_and_the_age_of_the_oldest_are_known_and_measured() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        rt.block_on(async {
            let stage = stage(&MemoryStore::new()).await;
            let consumer = stage.handle.consumer("orders").expect("a consumer");
            stage.wait("a first count", |_| consumer.failed_events().is_some()).await;
            let none = consumer.failed_events().expect("a count");
            assert_eq!((none.dead_letters, none.oldest), (0, Duration::ZERO));
            play(&stage, "first", "refuses").await;
            tokio::time::sleep(Duration::from_secs(100)).await;
            play(&stage, "second", "refuses").await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            let failed = consumer.failed_events().expect("a count");
            assert_eq!(failed.dead_letters, 2);
            // As old as it was when it was counted, up to 19 s ago.
            assert!((101..=121).contains(&failed.oldest.as_secs()), "{failed:?}");
            let gauges = gauges(&snapshotter);
            assert_eq!(gauges[DEAD_LETTERS], 2.0);
            assert_eq!(gauges[DEAD_LETTERS_OLDEST], failed.oldest.as_secs_f64());
            stage.stop().await.unwrap();
        });
    });
}

#[test]
fn received_is_done_and_duplicate_and_retried_and_dead_and_requeued() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        rt.block_on(async {
            let store = MemoryStore::new();
            let stage = stage(&store).await;
            for n in 0..30 {
                play(&stage, &n.to_string(), "works").await;
                play(&stage, &n.to_string(), "works").await;
            }
            play(&stage, "once", "fails once").await;
            play(&stage, "often", "fails").await;
            play(&stage, "refused", "refuses").await;
            store.fail(Step::Claim, Fault::Error(Class::Conflict));
            play(&stage, "met", "works").await;
            stage.handle.consumer("orders").expect("a consumer").pause();
            stage.publish("orders", "held", "order", r#"{"what":"works"}"#).await;
            stage.wait("a held delivery", |s| s.broker.unacked("orders") == 1).await;
            stage.stop().await.unwrap();
        });
    });
    let counters = counters(&snapshotter);
    let settled =
        |outcome: &str| counters.get(&(SETTLED.to_owned(), outcome.to_owned())).copied().unwrap_or(0);
    let outcomes = ["done", "duplicate", "retried", "dead", "requeued"].map(settled);
    assert_eq!(outcomes, [32, 30, 4, 2, 1]);
    let received = counters[&(RECEIVED.to_owned(), String::new())];
    assert_eq!(received, outcomes.iter().sum::<u64>());
    assert_eq!(counters[&(FAILURES.to_owned(), "conflict".to_owned())], 1);
    assert_eq!(counters[&(FAILURES.to_owned(), "transient".to_owned())], 4);
}

/// Keeps the events of one target as text.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic inside").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn every_settled_delivery_is_one_event_without_its_payload() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("consumer::delivery=debug")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let store = MemoryStore::new();
    let stage = stage(&store).await;
    stage.publish("orders", "a\u{1b}[31m", "order", r#"{"what":"works","card":"canary-4111"}"#).await;
    stage.drained("orders").await;
    play(&stage, "b", "refuses").await;
    stage.stop().await.unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let events: Vec<_> = text.lines().filter(|l| l.contains("delivery settled")).collect();
    assert_eq!(events.len(), 2, "{text}");
    for field in [
        "consumer=\"orders\"",
        "attempt=1",
        "outcome=\"done\"",
        "claim_us=",
        "handler_us=",
        "commit_us=",
        "ack_us=",
    ] {
        assert!(events[0].contains(field), "{field} in {}", events[0]);
    }
    assert!(
        events[1].contains("WARN")
            && events[1].contains("cause=\"permanent\"")
            && events[1].contains("never")
    );
    assert!(!text.contains("canary"), "a payload in the log: {text}");
    assert!(!text.contains('\u{1b}'), "an escape from an id in the log");
}
