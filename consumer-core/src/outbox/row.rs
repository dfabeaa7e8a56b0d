//! A row of the outbox, as the relay and people see it.

use std::time::Duration;

use uuid::Uuid;

use super::OutboxEvent;

/// Where a row stands in the table.
///
/// It is drawn after the lock of the row's lane was taken, and that lock is held to the commit: within a lane positions
/// rise in the order of the commits, and a row that can be seen has no invisible one of its lane before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub i64);

/// A row that was leased to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Where it stands.
    pub position: Position,
    /// What to publish.
    pub event: OutboxEvent,
    /// The number of the event within its lane, from 1, without gaps.
    pub number: Option<i64>,
    /// When it was written by the database's clock, in seconds since the Unix epoch.
    pub created_at: u64,
    /// How often it was refused before; outages are not counted.
    pub refusals: u32,
}

/// What became of a leased row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which row.
    pub position: Position,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a leased row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The broker has confirmed it. This is written whoever holds the lease by now, because it is true.
    Sent,
    /// The broker refused it (it is unroutable, or its queue is full): again after this wait. The rows of its lane wait.
    Refused {
        /// How long to wait.
        wait: Duration,
        /// What the broker said.
        error: String,
    },
    /// No broker can take it as it is: it waits for a person, and the rows of its lane wait with it.
    Parked {
        /// Why.
        error: String,
    },
    /// Nothing was tried, or the broker was away: it is free again at once, and nothing is counted.
    Untouched,
}

/// The state of a row, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// To be published, or being published right now.
    Waiting,
    /// Refused by the broker, and tried again later.
    Refused,
    /// Waits for a person, and its lane with it.
    Parked,
    /// Confirmed by the broker.
    Sent,
    /// Given up by a person.
    Discarded,
}

impl Standing {
    /// The text used in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Parked => "parked",
            Self::Sent => "sent",
            Self::Discarded => "discarded",
        }
    }
}

/// A row, for people.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Listed {
    /// The row.
    pub row: OutboxRow,
    /// Its state.
    pub standing: Standing,
    /// What the broker said last.
    pub error: Option<String>,
    /// How long ago it was written, by the database's clock.
    pub age: Duration,
    /// Rows of its lane that wait behind it; 0 where it has no lane.
    pub behind: u64,
}

impl Listed {
    /// A row, for people.
    pub fn new(
        row: OutboxRow,
        standing: Standing,
        error: Option<String>,
        age: Duration,
        behind: u64,
    ) -> Self {
        Self { row, standing, error, age, behind }
    }
}

/// Which rows to list, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only those in one of these states; all if empty.
    pub standings: Vec<Standing>,
    /// Only this row.
    pub id: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

impl Default for Filter {
    /// What needs a look: refused and parked rows, 100 at most.
    fn default() -> Self {
        Self { standings: vec![Standing::Refused, Standing::Parked], id: None, limit: 100 }
    }
}

/// How the outbox is doing, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Survey {
    /// Rows that are not sent yet, parked ones included.
    pub unsent: u64,
    /// Rows that wait for a person.
    pub parked: u64,
    /// Age of the oldest row that is not sent yet; zero if there is none.
    pub oldest: Duration,
}
