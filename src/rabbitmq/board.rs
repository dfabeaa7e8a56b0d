//! The board where every part notes what keeps it from working.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use consumer_core::broker::BrokerState;

/// A part of the broker that can be in trouble by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Consuming,
    Publishing,
    /// One consumer of a queue; a queue can have several in one process.
    Queue {
        queue: String,
        consumer: u32,
    },
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consuming => f.write_str("consuming"),
            Self::Publishing => f.write_str("publishing"),
            Self::Queue { queue, .. } => write!(f, "queue '{queue}'"),
        }
    }
}

/// What is wrong right now, by part.
#[derive(Clone, Debug, Default)]
pub(super) struct Board(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    down: BTreeMap<Part, String>,
    blocked: BTreeMap<Part, String>,
}

impl Board {
    /// The part does not work.
    pub(super) fn down(&self, part: Part, reason: impl Into<String>) {
        self.notes().down.insert(part, reason.into());
    }

    /// The part works again.
    pub(super) fn up(&self, part: &Part) {
        let mut notes = self.notes();
        notes.down.remove(part);
        notes.blocked.remove(part);
    }

    /// The broker takes nothing from this part for now.
    pub(super) fn blocked(&self, part: Part, reason: impl Into<String>) {
        self.notes().blocked.insert(part, reason.into());
    }

    /// Everything taken together: what does not work says more than what is held up.
    pub(super) fn state(&self) -> BrokerState {
        let notes = self.notes();
        if !notes.down.is_empty() {
            return BrokerState::Down(list(&notes.down));
        }
        match notes.blocked.values().next() {
            Some(reason) => BrokerState::Blocked(reason.clone()),
            None => BrokerState::Up,
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn list(notes: &BTreeMap<Part, String>) -> String {
    notes.iter().map(|(part, reason)| format!("{part}: {reason}")).collect::<Vec<_>>().join("; ")
}
