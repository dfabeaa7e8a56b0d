//! Departures: what a unit sends away, written in its transaction and sent after its commit.

use crate::{effect::Intent, outbox::OutboxEvent};

/// Rows for the outbox and the effect ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Departures {
    /// Events to publish, in the order in which they were written.
    pub events: Vec<OutboxEvent>,
    /// Effects to run.
    pub intents: Vec<Intent>,
}

impl Departures {
    /// These too, after the others.
    pub(crate) fn add(&mut self, others: Self) {
        self.events.extend(others.events);
        self.intents.extend(others.intents);
    }

    /// Whether there are none: nothing is written then.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.intents.is_empty()
    }
}
