//! The clock: the only place that asks what time it is.
//!
//! Leases, retention and timestamps of rows use the database's clock; this one measures durations and timeouts.

use std::time::{Duration, SystemTime};

pub(crate) use tokio::time::{Instant, sleep, timeout};

/// A moment on the monotonic clock, unaffected by changes of the wall clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day since the Unix epoch, as this machine has it; for figures only.
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
