//! The contestants: who runs on which database, with which messages. A new one is a line here.

use anyhow::Result;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{by_hand, ceiling, ours, servers::Backend, stage::Stage};

/// Empties the queue of its stage.
pub type Consume = fn(Stage) -> BoxFuture<'static, Result<()>>;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// What it is called, in the table and for `--only`.
    pub name: &'static str,
    /// Whose code it is.
    pub side: Side,
    /// What its messages are like.
    pub workload: Workload,
    /// Whether it is there to show what happens where workers meet at the same rows; it has a table of its own.
    pub meets: bool,
    /// About how many messages it takes a second; a first round corrects that.
    pub guess: u32,
    /// What it does.
    pub run: Run,
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Hand-written, on lapin and sqlx.
    ByHand,
    /// The best of those that handle one message at a time: everything is compared with it.
    Baseline,
    /// Ours.
    Ours,
    /// What nobody can beat, because it does less.
    Ceiling,
}

/// What the messages are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Workload {
    /// Each is new.
    Fresh,
    /// Each was applied before.
    Duplicates,
    /// So many of a thousand are refused by the handler, and go to the dead-letter queue.
    Refused(u32),
    /// Nothing is done with them.
    Nothing,
}

/// What a contestant does.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Empties a queue.
    Consume(Consume),
    /// Has `pgbench` run with so many clients.
    Pgbench(u32),
}

impl Contestant {
    const fn new(name: &'static str, side: Side, guess: u32, run: Consume) -> Self {
        Self { name, side, workload: Workload::Fresh, meets: false, guess, run: Run::Consume(run) }
    }

    const fn with(self, name: &'static str, workload: Workload) -> Self {
        Self { name, workload, ..self }
    }

    const fn meeting(name: &'static str, guess: u32, run: Consume) -> Self {
        Self { meets: true, ..Self::new(name, Side::Ours, guess, run) }
    }

    /// Whether the time from publish to commit means something.
    pub fn has_latency(&self) -> bool {
        self.workload == Workload::Fresh && !self.meets
    }
}

macro_rules! run {
    ($($path:ident)::+) => {
        |stage| Box::pin($($path)::+(stage))
    };
}

/// The modes that every database has, by the names of their modules.
macro_rules! modes {
    ($database:ident, $textbook:literal, $per_message:literal, $batch:literal, $set_based:literal) => {{
        use by_hand::$database::{batch, per_message, set_based, textbook};
        use ours::$database::{run_batch, run_per_message, run_set_based};
        let best =
            Contestant::new("by hand, per message", Side::Baseline, $per_message, run!(per_message::run));
        let ours = Contestant::new("ours, per message", Side::Ours, $per_message, run!(run_per_message));
        let our_batches = Contestant::new(IN_LANES, Side::Ours, $batch, run!(run_batch));
        let batches = Contestant::new("by hand, batch 64", Side::ByHand, $batch, run!(batch::run));
        vec![
            Contestant::new("textbook", Side::ByHand, $textbook, run!(textbook::run)),
            best,
            ours,
            batches,
            our_batches,
            Contestant::new("by hand, set-based 256", Side::ByHand, $set_based, run!(set_based::run)),
            Contestant::new("ours, Batch<E> 256", Side::Ours, $set_based, run!(run_set_based)),
            Contestant { side: Side::ByHand, ..best }.with("by hand, per message, duplicates", DUPLICATES),
            ours.with("ours, per message, duplicates", DUPLICATES),
            batches.with("by hand, batch 64, duplicates", DUPLICATES),
            our_batches.with("ours, batch 64, duplicates", DUPLICATES),
            ours.with("ours, per message, 0.1 % refused", Workload::Refused(1)),
            ours.with("ours, per message, 1 % refused", Workload::Refused(10)),
            our_batches.with("ours, batch 64, 0.1 % refused", Workload::Refused(1)),
            our_batches.with("ours, batch 64, 1 % refused", Workload::Refused(10)),
        ]
    }};
}

/// What happens where workers meet at the same rows: without lanes, and with two runtimes, which share none.
macro_rules! meetings {
    ($database:ident, $per_message:literal, $batch:literal) => {{
        use ours::$database::{run_batch_twice, run_per_message_twice, run_without_lanes};
        vec![
            Contestant::meeting(WITHOUT_LANES, $batch / 4, run!(run_without_lanes)),
            Contestant::meeting(SINGLE_TWICE, $per_message, run!(run_per_message_twice)),
            Contestant::meeting("ours, batch 64, two runtimes", $batch, run!(run_batch_twice)),
        ]
    }};
}

/// Has as many workers as the one beside it, and no lanes.
const WITHOUT_LANES: &str = "ours, batch 64, without lanes";
/// What two runtimes with batches are compared with.
pub(crate) const SINGLE_TWICE: &str = "ours, per message, two runtimes";
/// What stands beside those that meet.
pub(crate) const IN_LANES: &str = "ours, batch 64";

/// All that run on a database, in the order of the table.
pub fn on(backend: Backend) -> Vec<Contestant> {
    let mut all = match backend {
        Backend::Postgres => modes!(postgres, 1_000, 5_000, 10_000, 25_000),
        Backend::Mysql => modes!(mysql, 1_000, 4_000, 7_000, 10_000),
        Backend::Sqlite => modes!(sqlite, 1_500, 3_000, 8_000, 20_000),
    };
    all.extend(match backend {
        Backend::Postgres => meetings!(postgres, 5_000, 10_000),
        Backend::Mysql => meetings!(mysql, 4_000, 7_000),
        // One writes at a time.
        Backend::Sqlite => Vec::new(),
    });
    all.extend([LAPIN_EACH, LAPIN_MULTIPLE]);
    if backend == Backend::Postgres {
        all.extend([pgbench("pgbench, 16 clients", 16), pgbench("pgbench, 32 clients", 32)]);
    }
    all
}

const LAPIN_EACH: Contestant =
    Contestant::new("lapin alone, ack each", Side::Ceiling, 25_000, run!(ceiling::broker::run_each))
        .with("lapin alone, ack each", Workload::Nothing);
const LAPIN_MULTIPLE: Contestant = Contestant::new(
    "lapin alone, ack 64 at once",
    Side::Ceiling,
    60_000,
    run!(ceiling::broker::run_multiple),
)
.with("lapin alone, ack 64 at once", Workload::Nothing);

const fn pgbench(name: &'static str, clients: u32) -> Contestant {
    let (side, workload) = (Side::Ceiling, Workload::Nothing);
    Contestant { name, side, workload, meets: false, guess: 1, run: Run::Pgbench(clients) }
}

const DUPLICATES: Workload = Workload::Duplicates;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_one_is_compared_with() {
        for backend in [Backend::Postgres, Backend::Mysql, Backend::Sqlite] {
            let all = on(backend);
            let names: HashSet<_> = all.iter().map(|contestant| contestant.name).collect();
            assert_eq!(names.len(), all.len());
            assert_eq!(all.iter().filter(|contestant| contestant.side == Side::Baseline).count(), 1);
            assert!(names.contains(IN_LANES));
            assert!(backend == Backend::Sqlite || names.contains(SINGLE_TWICE));
        }
    }
}
