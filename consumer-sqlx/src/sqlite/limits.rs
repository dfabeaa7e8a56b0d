//! What stands in for a server that watches the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long SQLite asks again for the write lock that another process holds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many of SQLite's own instructions pass between two looks at the clock: some 10 µs.
pub(super) const STEPS: i32 = 1000;

/// When a unit's statements are interrupted.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: Instant,
    /// In milliseconds since `epoch`; [`NEVER`] between units.
    at: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Deadline {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { epoch: Instant::now(), at: AtomicU64::new(NEVER) }))
    }

    /// Whether a statement may go on.
    pub(super) fn is_ahead(&self) -> bool {
        let at = self.0.at.load(Ordering::Relaxed);
        at == NEVER || self.now() < at
    }

    /// Starts the time of a unit.
    pub(super) fn start(&self, limit: Duration) -> Running {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(NEVER);
        self.0.at.store(self.now().saturating_add(limit), Ordering::Relaxed);
        Running(self.clone())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.epoch.elapsed().as_millis()).unwrap_or(NEVER)
    }
}

/// The time of a unit. Dropping it interrupts the statement that is running.
#[derive(Debug)]
pub(super) struct Running(Deadline);

impl Running {
    /// The handler is done; what follows takes as long as it takes.
    pub(super) fn stop(self) {
        let deadline = self.0.clone();
        drop(self);
        deadline.0.at.store(NEVER, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.at.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_dropped_is_interrupted_and_one_that_stops_is_not() {
        let deadline = Deadline::new();
        assert!(deadline.is_ahead());
        let running = deadline.start(Duration::from_secs(60));
        assert!(deadline.is_ahead());
        drop(running);
        assert!(!deadline.is_ahead());
        deadline.start(Duration::ZERO).stop();
        assert!(deadline.is_ahead());
    }
}
