//! A job: one delivery inside a consumer, and what has happened to it so far.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{bench::Presence, intake::Prepared};
use crate::{
    broker::{Delivery, Settle, Settled, Settlement},
    clock::{self, Instant},
    handler::Meta,
    inbox::Claim,
    message::Reason,
    retry::{LONGEST_HOLD, Tally},
    telemetry::{Instruments, Outcome, Record, Times},
};

/// A delivery on its way through a consumer.
///
/// It keeps the queue it came from open, so that the workers stay as long as there is a job somewhere.
pub(super) struct Job {
    pub(super) delivery: Delivery,
    pub(super) tally: Tally,
    /// Commits of the consumer when this delivery last failed.
    pub(super) commits_seen: u64,
    pub(super) event: Option<(Meta, Claim)>,
    /// Attempts that its failure record has counted before this delivery came.
    pub(super) counted: u32,
    /// Whether it may kill the process: it is run alone.
    pub(super) is_suspect: bool,
    /// Whether its failure record is written, so that its dead letter may leave.
    pub(super) is_recorded: bool,
    /// Since when it steps back for another delivery of its event.
    steps_back_since: Option<Instant>,
    times: Times,
    /// Which attempt the last unit was; 0 if there was none.
    ran: u32,
    home: mpsc::UnboundedSender<Job>,
    _presence: Presence,
}

/// What becomes of a job.
pub(super) enum Fate {
    Done,
    Duplicate,
    Dead {
        reason: Reason,
        error: String,
    },
    /// A confirmed copy waits on the ladder.
    Delayed {
        cause: &'static str,
        error: String,
    },
    Requeue {
        cause: &'static str,
        error: String,
    },
    /// A confirmed copy is at the end of its queue.
    Moved {
        cause: &'static str,
        error: String,
    },
    Again {
        after: Duration,
        cause: &'static str,
        error: String,
    },
    /// It is to be run alone.
    Suspected,
}

impl Fate {
    pub(super) fn requeue(cause: &'static str, error: &str) -> Self {
        Self::Requeue { cause, error: error.to_owned() }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Duplicate => Outcome::Duplicate,
            Self::Dead { .. } => Outcome::Dead,
            Self::Delayed { .. } => Outcome::Delayed,
            Self::Requeue { .. } | Self::Moved { .. } => Outcome::Requeued,
            Self::Again { .. } | Self::Suspected => Outcome::Retried,
        }
    }

    fn settlement(&self) -> Settlement {
        match self {
            Self::Done | Self::Duplicate | Self::Dead { .. } | Self::Delayed { .. } | Self::Moved { .. } => {
                Settlement::Ack
            }
            Self::Requeue { .. } | Self::Again { .. } | Self::Suspected => Settlement::Requeue,
        }
    }

    fn cause(&self) -> (&'static str, &str) {
        match self {
            Self::Done | Self::Duplicate => ("", ""),
            Self::Dead { reason, error } => (reason.as_str(), error),
            Self::Suspected => ("suspect", ""),
            Self::Delayed { cause, error }
            | Self::Requeue { cause, error }
            | Self::Moved { cause, error }
            | Self::Again { cause, error, .. } => (cause, error),
        }
    }
}

impl Job {
    pub(super) fn new(delivery: Delivery, home: mpsc::UnboundedSender<Job>, presence: Presence) -> Self {
        Self {
            delivery,
            tally: Tally::default(),
            commits_seen: 0,
            event: None,
            counted: 0,
            is_suspect: false,
            is_recorded: false,
            steps_back_since: None,
            times: Times::default(),
            ran: 0,
            home,
            _presence: presence,
        }
    }

    /// Which attempt comes next, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.attempts().saturating_add(1)
    }

    /// Attempts that were counted so far.
    pub(super) fn attempts(&self) -> u32 {
        self.counted.saturating_add(self.tally.attempts)
    }

    /// Notes what its failure record has counted by now, the attempts of this delivery included.
    pub(super) fn recorded(&mut self, attempts: u32) {
        self.counted = attempts;
        self.tally = Tally::default();
    }

    /// Notes what a unit took.
    pub(super) fn ran(&mut self, attempt: u32, times: Times) {
        (self.ran, self.times) = (attempt, times);
    }

    /// Notes which event it is.
    pub(super) fn name(&mut self, prepared: &Prepared) {
        self.event = Some((prepared.meta.clone(), prepared.claim.clone()));
    }

    /// Makes room for another delivery of its event, uncounted; one that has done so for as long as a delivery may be held
    /// goes back to the broker, before the broker takes it back with everything else on its channel.
    pub(super) fn step_back(&mut self, after: Duration, error: String) -> Fate {
        let cause = "effect-busy";
        match self.steps_back_since.get_or_insert_with(clock::now).elapsed() < LONGEST_HOLD {
            true => Fate::Again { after, cause, error },
            false => Fate::Requeue { cause, error },
        }
    }

    /// Back into the queue of its consumer.
    pub(super) fn go_home(self) {
        let home = self.home.clone();
        // The queue is open: this job keeps it so. It is gone only where the workers were aborted.
        let _ = home.send(self);
    }

    /// Counts a take that ends without a settlement.
    pub(super) fn count(&self, instruments: &Arc<Instruments>, fate: &Fate) {
        let record = self.record(instruments, fate);
        record.count();
        record.emit(Duration::ZERO, true);
    }

    /// Settles the delivery, counts the outcome, and reports both once the broker has been told.
    pub(super) fn settle(self, instruments: &Arc<Instruments>, fate: &Fate) {
        let record = self.record(instruments, fate);
        record.count();
        let asked = clock::now();
        self.delivery
            .settle(fate.settlement(), Box::new(move |reached| record.emit(asked.elapsed(), reached)));
    }

    fn record(&self, instruments: &Arc<Instruments>, fate: &Fate) -> Record {
        let (cause, error) = fate.cause();
        Record {
            instruments: instruments.clone(),
            event: self.event.as_ref().map(|(meta, claim)| (meta.clone(), claim.key)),
            attempt: self.ran,
            outcome: fate.outcome(),
            cause,
            error: error.to_owned(),
            times: self.times,
        }
    }

    /// The mistake that the mutant `ack-before-commit` makes.
    pub(super) fn acknowledge_early(&mut self) {
        let channel = std::mem::replace(&mut self.delivery.channel, Arc::new(Nowhere));
        channel.settle(self.delivery.tag, Settlement::Ack, Box::new(|_| {}));
    }
}

/// Where the settlement of a delivery goes that a mutant has settled before.
struct Nowhere;

impl Settle for Nowhere {
    fn settle(&self, _: u64, _: Settlement, settled: Settled) {
        settled(true);
    }

    fn is_open(&self) -> bool {
        true
    }
}
