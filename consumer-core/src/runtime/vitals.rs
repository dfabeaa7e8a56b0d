//! The vitals of one consumer: what it is working on, and what is in its way.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::survey::FailedEvents;
use crate::clock::{self, Instant};

/// Read by health and metrics, written by the workers.
pub(super) struct Vitals {
    epoch: Instant,
    /// For each worker, when it took up its delivery: microseconds since `epoch` plus one, 0 while it has none.
    taken_up: Vec<AtomicU64>,
    /// For each worker, the outage it waits for.
    outages: Vec<Mutex<Option<String>>>,
    consuming: Mutex<Result<(), String>>,
    failed: Mutex<Option<FailedEvents>>,
}

impl Vitals {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            epoch: clock::now(),
            taken_up: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            outages: (0..workers).map(|_| Mutex::new(None)).collect(),
            consuming: Mutex::new(Err("not yet consuming".to_owned())),
            failed: Mutex::new(None),
        }
    }

    pub(super) fn takes_up(&self, worker: usize) {
        let micros = clock::now().duration_since(self.epoch).as_micros() as u64;
        self.taken_up[worker].store(micros + 1, Ordering::Relaxed);
    }

    pub(super) fn is_through(&self, worker: usize) {
        self.taken_up[worker].store(0, Ordering::Relaxed);
    }

    /// How many deliveries are in work, and the age of the oldest in seconds.
    pub(super) fn in_flight(&self) -> (usize, f64) {
        let busy = self.taken_up.iter().map(|t| t.load(Ordering::Relaxed)).filter(|&t| t > 0);
        let (count, oldest) = busy.fold((0, u64::MAX), |(count, oldest), t| (count + 1, oldest.min(t)));
        let now = clock::now().duration_since(self.epoch).as_micros() as u64;
        let age = if count == 0 { 0 } else { (now + 1).saturating_sub(oldest) };
        (count, age as f64 / 1e6)
    }

    /// Says what a worker waits for; `None` when it goes on.
    pub(super) fn outage(&self, worker: usize, reason: Option<String>) {
        *self.outages[worker].lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Says whether the queue is consumed, or why not.
    pub(super) fn consuming(&self, state: Result<(), String>) {
        *self.consuming.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Says which events have failed.
    pub(super) fn failed(&self, events: FailedEvents) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
    }

    /// Which events have failed, as it was said last.
    pub(super) fn failed_events(&self) -> Option<FailedEvents> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that keeps the consumer from its work.
    pub(super) fn complaints(&self) -> Vec<String> {
        let consuming = self.consuming.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let outages =
            self.outages.iter().filter_map(|o| o.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let mut all: Vec<String> = consuming.err().into_iter().chain(outages).collect();
        all.dedup();
        all
    }
}
