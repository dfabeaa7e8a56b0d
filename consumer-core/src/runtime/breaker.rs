//! The breaker: the circuit of a consumer as its workers, its reader and people use it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};

use crate::{
    circuit::{Circuit, CircuitBreaker, CircuitState, Move, Sign},
    clock::{self, Instant},
    telemetry::CircuitInstruments,
};

/// The breaker of one consumer.
pub(super) struct Breaker {
    circuit: Mutex<Circuit>,
    /// Whether it is closed and nobody has reported trouble: what nearly every unit finds and leaves.
    calm: AtomicBool,
    state: watch::Sender<CircuitState>,
    changed: Notify,
    epoch: Instant,
    consumer: &'static str,
    instruments: CircuitInstruments,
}

impl Breaker {
    pub(super) fn new(consumer: &'static str, config: CircuitBreaker) -> Self {
        Self {
            circuit: Mutex::new(Circuit::new(config)),
            calm: AtomicBool::new(true),
            state: watch::Sender::new(CircuitState::Closed),
            changed: Notify::new(),
            epoch: clock::now(),
            consumer,
            instruments: CircuitInstruments::new(consumer),
        }
    }

    /// Whether everything goes.
    pub(super) fn is_closed(&self) -> bool {
        self.calm.load(Ordering::Acquire) || self.lock().state() == CircuitState::Closed
    }

    /// Its state, to be watched.
    pub(super) fn watch(&self) -> watch::Receiver<CircuitState> {
        self.state.subscribe()
    }

    /// Why nothing is taken up.
    pub(super) fn complaint(&self) -> Option<String> {
        if self.calm.load(Ordering::Acquire) {
            return None;
        }
        let circuit = self.lock();
        circuit.reason().map(|reason| format!("the circuit breaker is {}: {reason}", circuit.state()))
    }

    /// What a worker with a delivery in hand is to do.
    pub(super) fn next(&self, worker: usize) -> Move {
        if self.calm.load(Ordering::Acquire) {
            return Move::Go;
        }
        self.lock().next(worker, self.now())
    }

    /// Waits until something changes, if `wait` still is what the worker is to do.
    pub(super) async fn changes(&self, worker: usize) {
        let changed = self.changed.notified();
        if self.next(worker) == Move::Wait {
            changed.await;
        }
    }

    /// How long until the database is to be asked.
    pub(super) fn due_in(&self) -> Duration {
        self.lock().due_in(self.now())
    }

    /// Says what the database has answered.
    pub(super) fn probed(&self, answered: Result<(), String>) {
        self.update(|circuit, now| circuit.probed(answered, now, fastrand::f64()));
    }

    /// Says what the end of a worker's unit means.
    pub(super) fn ended(&self, worker: usize, sign: Sign) {
        let is_usual = matches!(sign, Sign::Healthy | Sign::Nothing);
        if !(is_usual && self.calm.load(Ordering::Acquire)) {
            self.update(|circuit, now| circuit.ended(worker, sign, now, fastrand::f64()));
        }
    }

    /// A worker has nothing in hand any more.
    pub(super) fn leave(&self, worker: usize) {
        if !self.calm.load(Ordering::Acquire) {
            self.lock().leave(worker);
            self.ended(worker, Sign::Nothing);
            self.changed.notify_waiters();
        }
    }

    fn update(&self, change: impl FnOnce(&mut Circuit, Duration) -> bool) {
        let (changed, state, reason) = {
            let mut circuit = self.lock();
            let changed = change(&mut circuit, self.now());
            self.calm.store(circuit.is_calm(), Ordering::Release);
            (changed, circuit.state(), circuit.reason().unwrap_or_default().to_owned())
        };
        if changed {
            self.announce(state, &reason);
        }
    }

    fn announce(&self, state: CircuitState, reason: &str) {
        let before = self.state.send_replace(state);
        self.instruments.entered(state);
        let consumer = self.consumer;
        match (before, state) {
            (CircuitState::Closed, CircuitState::Open) => {
                self.instruments.opened();
                tracing::warn!(
                    consumer,
                    reason,
                    "the circuit breaker opens: consuming pauses, nothing is lost"
                );
            }
            (_, CircuitState::Closed) if before != state => {
                tracing::info!(consumer, "the circuit breaker closes: consuming goes on");
            }
            (_, state) => tracing::info!(consumer, %state, reason, "the circuit breaker"),
        }
        self.changed.notify_waiters();
    }

    fn now(&self) -> Duration {
        clock::now().duration_since(self.epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
