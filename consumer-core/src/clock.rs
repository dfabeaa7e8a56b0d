//! The clock: the only place that asks what time it is.
//!
//! Leases, retention and timestamps of rows use the database's clock; this one measures durations and timeouts.

pub(crate) use tokio::time::{Instant, sleep, timeout};

/// A moment on the monotonic clock, unaffected by changes of the wall clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}
