//! How long to wait after failures in a row.

use std::time::Duration;

use super::MAX_CONFLICTS;

/// Waits between conflicts: long enough for the rival to finish, too short to be noticed.
pub(super) const CONFLICT_WAIT: Duration = Duration::from_millis(5);

/// Waits while the database is away, from the first to the longest.
pub(super) const OUTAGE_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// The wait after `failures` failures in a row of a server that everything depends on.
pub(crate) fn outage_wait(failures: u32, jitter: f64) -> Duration {
    let (first, longest) = OUTAGE_WAIT;
    spread(double(first, failures).min(longest), jitter)
}

/// The wait after `conflicts` conflicts in a row, the present one not counted.
pub(crate) fn conflict_wait(conflicts: u32, jitter: f64) -> Duration {
    spread(CONFLICT_WAIT * (conflicts + 1).min(MAX_CONFLICTS), jitter)
}

pub(crate) fn double(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(2u32.saturating_pow(times))
}

/// Between half of the wait and all of it, so that many failures of one moment do not come back in one moment.
pub(crate) fn spread(wait: Duration, jitter: f64) -> Duration {
    wait.saturating_sub(wait.mul_f64((1.0 - jitter.clamp(0.0, 1.0)) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_overflows() {
        assert_eq!(spread(Duration::MAX, 1.0), Duration::MAX);
        assert_eq!(double(Duration::MAX, 3), Duration::MAX);
        assert!(outage_wait(u32::MAX, 1.0) <= OUTAGE_WAIT.1);
    }
}
