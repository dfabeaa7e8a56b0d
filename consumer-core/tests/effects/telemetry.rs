//! What is counted: every call once, and what was done without one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer_core::{
    App,
    effect::EffectState,
    retry::RetryPolicy,
    runtime::EffectsConfig,
    telemetry::{EFFECT_COMPENSATIONS, EFFECT_RENEWALS, EFFECT_REPLAYS, EFFECTS},
    testing::{Fault, Step},
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tokio::time::sleep;

use crate::{
    SECOND,
    gateway::{Gateway, Whim},
    shop::{self, Accounting, Charge, Checkout, Orders, Refund},
    stage::Stage,
};

/// The counters of the effects, by name and outcome, after a scene.
struct Counted(HashMap<(String, String), u64>);

impl Counted {
    fn during(scene: impl Future<Output = ()>) -> Self {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        metrics::with_local_recorder(&recorder, || runtime.block_on(scene));
        let mut counters = HashMap::new();
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let DebugValue::Counter(count) = value else { continue };
            let outcome = key.key().labels().find(|label| label.key() == "outcome");
            let outcome = outcome.map(|label| label.value().to_owned()).unwrap_or_default();
            *counters.entry((key.key().name().to_owned(), outcome)).or_default() += count;
        }
        Self(counters)
    }

    fn of(&self, name: &str, outcome: &str) -> u64 {
        self.0.get(&(name.to_owned(), outcome.to_owned())).copied().unwrap_or(0)
    }

    /// Calls by outcome: done, retried, failed, unknown, late.
    fn calls(&self) -> [u64; 5] {
        ["done", "retried", "failed", "unknown", "late"].map(|outcome| self.of(EFFECTS, outcome))
    }
}

#[test]
fn every_call_has_one_outcome() {
    let whims = [Whim::Busy, Whim::AnswerLost, Whim::Works, Whim::Declines, Whim::Works, Whim::AnswerLost];
    let gateway = Gateway::with(&whims);
    let counted = Counted::during(async {
        let stage = Stage::new();
        stage.start(shop::app(&gateway)).await;
        stage.publish("orders", "a", "charge").await;
        stage.reaches("charge", EffectState::Done).await;
        stage.publish("post", "b", "charge").await;
        stage.drained("post").await;
        stage.publish("mails", "c", "receipt").await;
        stage.drained("mails").await;
        stage.publish("orders", "d", "receipt").await;
        sleep(60 * SECOND).await;
    });
    assert_eq!(counted.calls().iter().sum::<u64>(), gateway.calls().len() as u64, "{:?}", counted.0);
    let [done, retried, failed, unknown, late] = counted.calls();
    assert_eq!((retried, failed, unknown, late), (2, 1, 1, 0), "{:?}", counted.0);
    assert_eq!(done, gateway.calls().len() as u64 - 4);
}

#[test]
fn a_lease_that_is_renewed_is_counted_each_time() {
    let counted = Counted::during(async {
        let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(10 * SECOND + SECOND / 2)]));
        stage.start_with(shop::app(&gateway), EffectsConfig::new().lease(3 * SECOND)).await;
        stage.publish("orders", "a", "charge").await;
        stage.reaches("charge", EffectState::Done).await;
    });
    assert_eq!(counted.of(EFFECT_RENEWALS, ""), 10, "every second, three times in a lease");
    assert_eq!(counted.calls(), [1, 0, 0, 0, 0]);
}

#[test]
fn a_call_that_ends_too_late_is_counted_as_that() {
    let gateway = Gateway::with(&[Whim::Slow(15 * SECOND)]);
    let counted = Counted::during(async {
        let stage = Stage::new();
        for _ in 0..12 {
            stage.store.fail(Step::RenewEffect, Fault::Lost);
        }
        for _ in 0..2 {
            stage.start_with(shop::app(&gateway), EffectsConfig::new().lease(3 * SECOND)).await;
        }
        stage.publish("orders", "a", "charge").await;
        stage.reaches("charge", EffectState::Done).await;
        sleep(30 * SECOND).await;
    });
    assert_eq!(gateway.calls().len(), 2, "the second one took it for dead");
    assert_eq!(counted.calls(), [1, 0, 0, 0, 1]);
    assert_eq!(counted.of(EFFECT_RENEWALS, ""), 0, "none came through");
}

#[test]
fn a_result_that_is_replayed_is_counted_beside_the_calls() {
    let gateway = Gateway::default();
    let counted = Counted::during(async {
        let stage = Stage::new();
        stage.start(shop::app(&gateway)).await;
        // Its handler fails at every attempt, each of which asks for the result.
        stage.publish("checkout", "a", "hopeless").await;
        stage.drained("checkout").await;
        stage.reaches("refund", EffectState::Done).await;
        stage.publish("checkout", "b", "late").await;
        stage.drained("checkout").await;
    });
    let attempts = u64::from(RetryPolicy::default().ladder([]).attempts());
    assert_eq!(counted.of(EFFECT_REPLAYS, ""), (attempts - 1) + 1);
    assert_eq!(counted.of(EFFECT_COMPENSATIONS, ""), 1);
    assert_eq!(gateway.calls_of("charge"), 2);
    assert_eq!(counted.calls(), [3, 0, 0, 0, 0], "two charges and a refund");
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic inside").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_effects_before_a_handler_counts_towards_the_consumer_timeout() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Ten seconds of a handler are ten minutes in all, with twenty of an effect they are thirty.
    let often = RetryPolicy::never().at_once(61).waits(Duration::ZERO, Duration::ZERO);
    let app = App::new().state(Gateway::default()).register::<(Accounting, Charge, Refund)>();
    let app = app.register_with::<(Orders, Checkout)>(|config| config.retry(often.clone()));
    Stage::new().start(app).await.stop().await;
    let text = String::from_utf8(lines.0.lock().expect("no panic inside").clone()).expect("text");
    let warned: Vec<_> = text.lines().filter(|line| line.contains("consumer timeout is 1800s")).collect();
    assert_eq!(warned.len(), 1, "{text}");
    assert!(warned[0].contains("consumer `checkout`"), "{}", warned[0]);
}
