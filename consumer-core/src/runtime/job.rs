//! A job: one delivery inside a consumer, and what has happened to it so far.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::{
    bench::Presence,
    intake::{Identified, Prepared},
    lanes::{Lanes, Seat, Stay},
};
use crate::{
    broker::{Delivery, Settle, Settled, Settlement},
    clock::{self, Instant},
    handler::Meta,
    inbox::Claim,
    message::{Delayed, Reason, Rejection},
    retry::{LONGEST_HOLD, Tally},
    telemetry::{Instruments, Outcome, Record, Times},
};

/// What is said of a delivery that comes to a unit unread.
pub(super) const UNREAD: &str = "nobody has read it, which is a bug in this library";

/// A delivery on its way through a consumer; the workers stay as long as there is one somewhere.
pub(super) struct Job {
    pub(super) delivery: Delivery,
    /// What it was read as, until a worker takes it.
    pub(super) read: Option<Result<Prepared, Rejection>>,
    /// Whether it may be processed together with others: nothing has happened to it yet.
    pub(super) mixes: bool,
    /// Its claim on its lane, where its event has a key and it is ready or in work.
    pub(super) seat: Option<Seat>,
    pub(super) tally: Tally,
    /// Commits of the consumer when this delivery last failed.
    pub(super) commits_seen: u64,
    pub(super) event: Option<(Meta, Claim)>,
    /// The key of its event.
    lane_key: Option<String>,
    /// Attempts that its failure record has counted before this delivery came.
    pub(super) counted: u32,
    /// Whether it may kill the process: it is run alone.
    pub(super) is_suspect: bool,
    /// Its turn, from before it is marked as run until its unit has ended, or it has come to be published.
    pub(super) turn: Option<Turn>,
    /// Whether its failure record is written, so that its dead letter may leave.
    pub(super) is_recorded: bool,
    /// Since when it steps back for another delivery of its event.
    steps_back_since: Option<Instant>,
    times: Times,
    /// Which attempt the last unit was; 0 if there was none.
    ran: u32,
    /// Since when it is processed alone, after a batch.
    alone_since: Option<Instant>,
    home: Arc<Lanes>,
    _presence: Presence,
    // After the seat: its lane may hand on what this consumer still waits for.
    stay: Stay,
}

/// Held while a unit is at work: one that may kill the process runs when no other one does.
pub(super) struct Turn {
    pub(super) _alone: Option<OwnedRwLockWriteGuard<()>>,
    pub(super) _among_others: Option<OwnedRwLockReadGuard<()>>,
}

/// A job as it changes hands, which it does many times.
pub(super) type BoxedJob = Box<Job>;

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
    /// A batch with it came to nothing: it is processed by itself.
    Parted,
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
            Self::Again { .. } | Self::Suspected | Self::Parted => Outcome::Retried,
        }
    }

    fn settlement(&self) -> Settlement {
        match self {
            Self::Done | Self::Duplicate | Self::Dead { .. } | Self::Delayed { .. } | Self::Moved { .. } => {
                Settlement::Ack
            }
            Self::Requeue { .. } | Self::Again { .. } | Self::Suspected | Self::Parted => Settlement::Requeue,
        }
    }

    fn cause(&self) -> (&'static str, &str) {
        match self {
            Self::Done | Self::Duplicate => ("", ""),
            Self::Dead { reason, error } => (reason.as_str(), error),
            Self::Suspected => ("suspect", ""),
            Self::Parted => ("batch-undone", ""),
            Self::Delayed { cause, error }
            | Self::Requeue { cause, error }
            | Self::Moved { cause, error }
            | Self::Again { cause, error, .. } => (cause, error),
        }
    }
}

impl Job {
    pub(super) fn new(delivery: Delivery, home: &Arc<Lanes>, presence: Presence) -> Box<Self> {
        // Whatever a publisher writes there, it costs a look and nothing else.
        let is_copy = Delayed::read(&delivery.message).is_some();
        Box::new(Self {
            read: None,
            mixes: !delivery.redelivered && !is_copy,
            seat: None,
            delivery,
            tally: Tally::default(),
            commits_seen: 0,
            event: None,
            lane_key: None,
            counted: 0,
            is_suspect: false,
            turn: None,
            is_recorded: false,
            steps_back_since: None,
            times: Times::default(),
            ran: 0,
            alone_since: None,
            stay: home.enter(),
            home: home.clone(),
            _presence: presence,
        })
    }

    /// The key of its event, where it was read.
    pub(super) fn key(&self) -> Option<&str> {
        self.lane_key.as_deref()
    }

    /// How many deliveries have come to this consumer before it.
    pub(super) fn arrival(&self) -> u64 {
        self.stay.arrival
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

    /// Notes what it was read as, and by it which event it is.
    pub(super) fn was_read(&mut self, read: Result<Identified, Rejection>) {
        self.read = Some(read.map(|Identified { meta, claim, key, prepared }| {
            self.event = Some((meta, claim));
            self.lane_key = key;
            prepared
        }));
    }

    /// Its event, where it was read as one.
    pub(super) fn prepared(&mut self) -> Option<(&Meta, &mut Prepared)> {
        match (&self.event, &mut self.read) {
            (Some((meta, _)), Some(Ok(prepared))) => Some((meta, prepared)),
            _ => None,
        }
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

    /// Makes room in its lane while it waits elsewhere.
    pub(super) fn leave_lane(&mut self) {
        self.mixes = false;
        self.seat = None;
    }

    /// Back to the lanes of its consumer, before the others of its own.
    pub(super) fn come_back(self: Box<Self>) {
        let home = self.home.clone();
        home.come_back(self);
    }

    /// Has it processed by itself from now on, because a batch with it came to nothing.
    pub(super) fn part(&mut self) {
        self.mixes = false;
        self.alone_since.get_or_insert_with(clock::now);
    }

    /// How long it has been waiting to be processed by itself, after a batch.
    pub(super) fn alone_for(&self) -> Duration {
        self.alone_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Counts a take that ends without a settlement.
    pub(super) fn count(&self, instruments: &Arc<Instruments>, fate: &Fate) {
        let record = self.record(instruments, fate);
        record.count();
        record.emit(Duration::ZERO, true);
    }

    /// Settles the delivery, counts the outcome, and reports both once the broker has been told.
    pub(super) fn settle(self: Box<Self>, instruments: &Arc<Instruments>, fate: &Fate) {
        let record = self.record(instruments, fate);
        record.count();
        let asked = clock::now();
        self.delivery
            .settle(fate.settlement(), Box::new(move |reached| record.emit(asked.elapsed(), reached)));
    }

    /// Settles deliveries that are done, by one unit.
    pub(super) fn settle_done(mut jobs: Vec<BoxedJob>, lanes: &Arc<Lanes>, instruments: &Arc<Instruments>) {
        if Outcome::Done.is_heard() {
            return jobs.into_iter().for_each(|job| job.settle(instruments, &Fate::Done));
        }
        while let Some(job) = jobs.first() {
            let (channel, times) = (job.delivery.channel.clone(), job.times);
            let of_channel = |job: &mut BoxedJob| {
                std::ptr::addr_eq(Arc::as_ptr(&job.delivery.channel), Arc::as_ptr(&channel))
            };
            let (tags, together): (Vec<_>, Vec<_>) =
                jobs.extract_if(.., of_channel).map(|job| (job.delivery.tag, job)).unzip();
            let (instruments, asked, count) = (instruments.clone(), clock::now(), together.len());
            instruments.settled(Outcome::Done, times, count);
            let told = move |missed| instruments.told(asked.elapsed(), count, missed);
            channel.settle_all(tags, Fate::Done.settlement(), Box::new(told));
            lanes.depart(together);
        }
    }

    fn record(&self, instruments: &Arc<Instruments>, fate: &Fate) -> Record {
        let (cause, error) = fate.cause();
        Record {
            instruments: instruments.clone(),
            event: self
                .event
                .as_ref()
                .filter(|_| fate.outcome().is_heard())
                .map(|(meta, claim)| (meta.clone(), claim.key)),
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
