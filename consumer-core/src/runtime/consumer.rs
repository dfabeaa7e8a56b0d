//! One consumer: what its reader and its workers share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    bench::Bench, breaker::Breaker, effects::Ledger, gate::Gate, limit::Limit, recent::Recent, storm::Storm,
    vitals::Vitals,
};
use crate::{
    clock::{self, Instant},
    event::EventType,
    handler::{ConsumerConfig, ConsumerSpec, ErasedHandler, Registered, States, ToComplete},
    inbox::ConsumerId,
    retry::Spread,
    storage::{Storage, UnitLimits},
    telemetry::Instruments,
};

/// How long beyond its handler's timeout the database waits for a unit before it ends it.
const SERVER_GRACE: Duration = Duration::from_secs(5);

/// Everything that stays the same for a consumer while it runs.
pub(super) struct Consumer<S: Storage> {
    pub(super) spec: ConsumerSpec,
    pub(super) config: ConsumerConfig,
    pub(super) id: ConsumerId,
    pub(super) types: &'static [EventType],
    pub(super) handler: Arc<dyn ErasedHandler<S>>,
    pub(super) states: Arc<States>,
    pub(super) effects: Arc<Ledger>,
    /// What no effect has left.
    pub(super) nothing_completed: Arc<HashMap<&'static str, bytes::Bytes>>,
    /// The effects that run before the handler, in order, each once.
    pub(super) completes: Vec<ToComplete>,
    pub(super) storage: S,
    pub(super) instruments: Arc<Instruments>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) gate: Gate,
    pub(super) breaker: Arc<Breaker>,
    pub(super) bench: Arc<Bench>,
    pub(super) limit: Limit,
    pub(super) recent: Recent,
    pub(super) storm: Storm,
    /// Whether its events have keys.
    pub(super) keyed: bool,
    spreads: Mutex<HashMap<Duration, Spread>>,
    epoch: Instant,
    commits: AtomicU64,
}

impl<S: Storage> Consumer<S> {
    pub(super) fn new(
        registered: Registered<S>,
        id: ConsumerId,
        states: Arc<States>,
        effects: Arc<Ledger>,
        storage: S,
    ) -> Self {
        let Registered { spec, config, types, keyed, handler, needs } = registered;
        Self {
            id,
            types,
            handler,
            states,
            effects,
            nothing_completed: Arc::default(),
            completes: needs.each_to_complete(),
            storage,
            instruments: Arc::new(Instruments::new(spec.name)),
            vitals: Arc::new(Vitals::new(config.concurrency)),
            gate: Gate::open(),
            breaker: Arc::new(Breaker::new(spec.name, config.breaker)),
            bench: Arc::default(),
            limit: Limit::new(config.rate),
            recent: Recent::new(config.recent),
            storm: Storm::default(),
            keyed,
            spreads: Mutex::default(),
            epoch: clock::now(),
            commits: AtomicU64::new(0),
            spec,
            config,
        }
    }

    pub(super) fn limits(&self) -> UnitLimits {
        UnitLimits { handler: self.spec.timeout, grace: SERVER_GRACE }
    }

    /// How long the next copy waits that goes to the wait queue of this delay.
    pub(super) fn spread(&self, delay: Duration) -> Duration {
        let now = clock::now().duration_since(self.epoch);
        let mut spreads = self.spreads.lock().unwrap_or_else(PoisonError::into_inner);
        spreads.entry(delay).or_default().next(now, delay, fastrand::f64())
    }

    /// Notes that events were committed.
    pub(super) fn committed(&self, events: u64) {
        self.commits.fetch_add(events, Ordering::Relaxed);
    }

    /// How long a whole batch may take: what a handler may, and never so long that the broker takes its deliveries back.
    pub(super) fn batch_limit(&self) -> Duration {
        self.spec.timeout.min(self.config.longest_hold())
    }

    /// How many events were committed so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) fn set_gauges(&self) {
        let (count, oldest) = self.vitals.in_flight();
        self.instruments.in_flight.set(count as f64);
        self.instruments.oldest_in_flight.set(oldest);
    }
}
