//! Handles: what can be asked of a runtime and said to it while it runs.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    gate::Gate,
    health::Health,
    relay::{Bell, OutboxVitals},
    survey::FailedEvents,
    vitals::Vitals,
};
use crate::{broker::BrokerState, circuit::CircuitState, outbox::Survey};

/// A running, or not yet running, runtime; clones are the same.
#[derive(Clone)]
pub struct RuntimeHandle(pub(super) Arc<Shared>);

/// What the runtime shares with its handles.
pub(super) struct Shared {
    pub(super) broker: Box<dyn Fn() -> BrokerState + Send + Sync>,
    pub(super) consumers: OnceLock<Vec<ConsumerHandle>>,
    pub(super) outbox: OutboxHandle,
    pub(super) stop: CancellationToken,
    /// Cancelled when a task of the runtime has died.
    pub(super) dead: CancellationToken,
}

impl RuntimeHandle {
    /// The consumer of this name; `None` before the start and for a name that is not registered.
    pub fn consumer(&self, name: &str) -> Option<ConsumerHandle> {
        self.0.consumers.get()?.iter().find(|c| c.name == name).cloned()
    }

    /// The outbox, as far as this process knows it.
    pub fn outbox(&self) -> OutboxHandle {
        self.0.outbox.clone()
    }

    /// Stops the runtime as a signal would.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Whether the process lives and is ready.
    pub fn health(&self) -> Health {
        let mut reasons = Vec::new();
        match (self.0.broker)() {
            BrokerState::Up => {}
            BrokerState::Blocked(reason) => reasons.push(format!("the broker takes no messages: {reason}")),
            BrokerState::Down(reason) => reasons.push(format!("the broker is away: {reason}")),
        }
        match self.0.consumers.get() {
            None => reasons.push("starting".to_owned()),
            Some(consumers) => reasons.extend(consumers.iter().flat_map(ConsumerHandle::complaints)),
        }
        reasons.extend(self.0.outbox.vitals.complaints());
        if self.0.stop.is_cancelled() {
            reasons.push("stopping".to_owned());
        }
        let live = !self.0.dead.is_cancelled();
        Health { live, ready: live && reasons.is_empty(), reasons, warnings: self.0.outbox.vitals.warnings() }
    }
}

/// The outbox of a runtime.
#[derive(Clone, Default)]
pub struct OutboxHandle {
    pub(super) bell: Bell,
    pub(super) vitals: Arc<OutboxVitals>,
}

impl OutboxHandle {
    /// Says that events were committed outside of a handler, after the commit: they are published at once. Without it they
    /// are found within the poll interval of a relay.
    pub fn wake(&self) {
        self.bell.ring();
    }

    /// How the outbox was doing a few seconds ago; `None` in a process that does not relay, and before it was counted first.
    pub fn survey(&self) -> Option<Survey> {
        self.vitals.survey()
    }
}

/// One consumer of a runtime.
#[derive(Clone)]
pub struct ConsumerHandle {
    pub(super) name: &'static str,
    pub(super) gate: Gate,
    pub(super) breaker: Arc<Breaker>,
    pub(super) vitals: Arc<Vitals>,
}

impl ConsumerHandle {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Takes up no more deliveries; what is in work is finished, what is buffered is held.
    ///
    /// After half of the broker's [consumer timeout](crate::handler::ConsumerConfig::consumer_timeout), 15 minutes unless it
    /// says otherwise, the buffered deliveries go back to the queue and consuming stops, before the broker does it.
    pub fn pause(&self) {
        self.gate.pause();
    }

    /// Goes on.
    pub fn resume(&self) {
        self.gate.resume();
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.gate.is_paused()
    }

    /// Whether its circuit breaker lets deliveries through.
    pub fn circuit(&self) -> CircuitState {
        *self.breaker.watch().borrow()
    }

    /// Its circuit breaker, to be watched: the channel is open for as long as this handle lives.
    pub fn watch_circuit(&self) -> watch::Receiver<CircuitState> {
        self.breaker.watch()
    }

    /// Which of its events have failed, and how many dead letters there are, as it was a few seconds ago; `None` before that
    /// was counted first.
    pub fn failed_events(&self) -> Option<FailedEvents> {
        self.vitals.failed_events()
    }

    fn complaints(&self) -> Vec<String> {
        let complaints = match (self.is_paused(), self.breaker.complaint()) {
            (true, _) => vec!["paused".to_owned()],
            (false, Some(breaker)) => vec![breaker],
            (false, None) => self.vitals.complaints(),
        };
        complaints.into_iter().map(|complaint| format!("consumer `{}`: {complaint}", self.name)).collect()
    }
}
