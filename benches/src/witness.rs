//! What `consumer` itself says of its deliveries and batches, told to the meter.
//!
//! Its handlers do not see their commit. The counter of settled deliveries does: it moves right after the commit, as the
//! acknowledgement is handed over, which is where a consumer by hand counts. Where the time of each message is wanted, the
//! event `delivery settled` names the message; it comes once the acknowledgement is written and says how long that took, which
//! is taken off.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use consumer::telemetry;
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};
use uuid::Uuid;

use crate::meter::Meter;

/// The outcomes after which a message does not come again.
const FINAL: [&str; 3] = ["done", "duplicate", "dead"];

/// The meter of the run, while there is one.
static METER: Mutex<Option<Arc<Meter>>> = Mutex::new(None);
/// Whether it wants the time of each message: asked for each of them, so that nobody waits for the lock.
static WANTS_TIMES: AtomicBool = AtomicBool::new(false);
static INSTALLED: OnceLock<()> = OnceLock::new();

/// As long as it lives, a meter is told.
#[derive(Debug)]
pub struct Witness(());

/// Tells a meter what `consumer` says. One run at a time has a witness.
///
/// # Panics
/// If another library has installed a recorder of metrics or a subscriber of events before.
pub fn of(meter: &Arc<Meter>) -> Witness {
    INSTALLED.get_or_init(|| {
        metrics::set_global_recorder(Counting).expect("nobody else records metrics here");
        tracing::subscriber::set_global_default(Listening).expect("nobody else listens here");
    });
    WANTS_TIMES.store(meter.wants_times(), Ordering::Relaxed);
    *current() = Some(Arc::clone(meter));
    Witness(())
}

impl Drop for Witness {
    fn drop(&mut self) {
        WANTS_TIMES.store(false, Ordering::Relaxed);
        *current() = None;
    }
}

fn current() -> std::sync::MutexGuard<'static, Option<Arc<Meter>>> {
    METER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts settled deliveries, and batches that came to nothing.
struct Counting;

struct Through(Arc<Meter>);

impl CounterFn for Through {
    fn increment(&self, value: u64) {
        self.0.add(value);
    }

    fn absolute(&self, _: u64) {}
}

/// Batches that came to nothing.
struct Undone(Arc<Meter>);

impl CounterFn for Undone {
    fn increment(&self, value: u64) {
        self.0.undo(value);
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Counting {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let Some(meter) = current().as_ref().map(Arc::clone) else { return Counter::noop() };
        let is_final = key.labels().any(|label| label.key() == "outcome" && FINAL.contains(&label.value()));
        match key.name() {
            telemetry::SETTLED if is_final => Counter::from_arc(Arc::new(Through(meter))),
            telemetry::BATCHES_UNDONE => Counter::from_arc(Arc::new(Undone(meter))),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Hears of settled deliveries and nothing else, and only while somebody wants to know.
struct Listening;

impl Subscriber for Listening {
    fn register_callsite(&self, metadata: &'static tracing::Metadata<'static>) -> Interest {
        // Its events, and the question whether anybody hears them.
        let is_settled = !metadata.is_span() && metadata.target() == telemetry::DELIVERY_TARGET;
        if is_settled { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        WANTS_TIMES.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let now = Instant::now();
        let mut settled = Settled::default();
        event.record(&mut settled);
        if let (Some(meter), Ok(message)) = (current().as_ref(), settled.id.parse::<Uuid>()) {
            let committed = now.checked_sub(Duration::from_micros(settled.ack_us)).unwrap_or(now);
            meter.through_at(message, committed);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Settled {
    id: String,
    ack_us: u64,
}

impl Visit for Settled {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "id" {
            self.id = format!("{value:?}").trim_matches('"').to_owned();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "ack_us" {
            self.ack_us = value;
        }
    }
}
