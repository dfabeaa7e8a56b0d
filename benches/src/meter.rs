//! The meter: counts what is through, and says when the measured part begins and ends.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;
use uuid::Uuid;

/// The part of the messages, one in so many, before the clock runs: connections are opened, statements prepared.
const WARM_UP: u64 = 10;

/// Counts messages of one run.
#[derive(Debug)]
pub struct Meter {
    first: u64,
    total: u64,
    count: AtomicU64,
    undone: AtomicU64,
    begun: Mark,
    ended: Mark,
    /// When each message was through, where that is wanted.
    times: Option<Mutex<Vec<(Uuid, Instant)>>>,
}

/// A moment, and how many were through by then.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// How many.
    pub count: u64,
}

#[derive(Debug, Default)]
struct Mark {
    moment: Mutex<Option<Moment>>,
    reached: Notify,
}

impl Meter {
    /// For a run of so many messages, of which only the rate is wanted.
    pub fn new(total: u64) -> Self {
        let (begun, ended) = Default::default();
        let (count, undone) = Default::default();
        Self { first: total / WARM_UP, total, count, undone, begun, ended, times: None }
    }

    /// Notes the time of each message too.
    pub fn with_times(total: u64) -> Self {
        let times = Vec::with_capacity(usize::try_from(total).unwrap_or_default());
        Self { times: Some(Mutex::new(times)), ..Self::new(total) }
    }

    /// How many messages the run has.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many are through.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether the time of each message is wanted.
    pub fn wants_times(&self) -> bool {
        self.times.is_some()
    }

    /// One more is through.
    pub fn through(&self, message: Uuid) {
        if self.wants_times() {
            self.through_at(message, Instant::now());
        }
        self.add(1);
    }

    /// Notes the time of a message without counting it.
    pub fn through_at(&self, message: Uuid, at: Instant) {
        if let Some(times) = &self.times {
            times.lock().unwrap_or_else(PoisonError::into_inner).push((message, at));
        }
    }

    /// So many more are through.
    pub fn add(&self, messages: u64) {
        let before = self.count.fetch_add(messages, Ordering::Relaxed);
        let count = before + messages;
        let crosses = |line: u64| before < line && count >= line;
        if crosses(self.first.max(1)) {
            self.begun.reach(count);
        }
        if crosses(self.total) {
            self.ended.reach(count);
        }
    }

    /// So many batches came to nothing.
    pub fn undo(&self, batches: u64) {
        self.undone.fetch_add(batches, Ordering::Relaxed);
    }

    /// How many batches came to nothing.
    pub fn undone(&self) -> u64 {
        self.undone.load(Ordering::Relaxed)
    }

    /// Resolves when the clock runs.
    pub async fn begun(&self) -> Moment {
        self.begun.reached().await
    }

    /// Resolves when all messages are through.
    pub async fn over(&self) -> Moment {
        self.ended.reached().await
    }

    /// The times noted so far.
    pub fn times(&self) -> Vec<(Uuid, Instant)> {
        let times = self.times.as_ref();
        times.map_or_else(Vec::new, |t| t.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Mark {
    fn reach(&self, count: u64) {
        let moment = Moment { at: Instant::now(), count };
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
        self.reached.notify_waiters();
    }

    fn moment(&self) -> Option<Moment> {
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reached(&self) -> Moment {
        loop {
            let notified = self.reached.notified();
            if let Some(moment) = self.moment() {
                return moment;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_that_jumps_over_a_line_crosses_it() {
        let meter = Meter::new(100);
        meter.add(64);
        meter.add(64);
        assert_eq!((meter.begun().await.count, meter.over().await.count), (64, 128));
    }

    #[test]
    fn times_are_noted_only_where_they_are_wanted() {
        let (rate, latency) = (Meter::new(1), Meter::with_times(1));
        for meter in [&rate, &latency] {
            meter.through(Uuid::nil());
        }
        assert_eq!((rate.times().len(), latency.times().len()), (0, 1));
    }
}
