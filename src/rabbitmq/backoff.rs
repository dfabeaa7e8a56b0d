//! Waits between attempts to connect.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(15);
/// What lasted this long was no failed attempt.
const STABLE: Duration = Duration::from_secs(10);

/// How long to wait before the next attempt: doubled each time, spread so that a herd does not come back in one moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after something failed that had worked for `lived`.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= STABLE {
            self.failures = 0;
        }
        let wait = wait(self.failures, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

fn wait(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST);
    doubled.mul_f64(0.5 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_stability() {
        assert_eq!(wait(0, 1.0), FIRST);
        assert_eq!(wait(3, 1.0), FIRST * 8);
        assert_eq!(wait(u32::MAX, 1.0), LONGEST);
        let mut backoff = Backoff { failures: 30 };
        assert!(backoff.after(STABLE) <= FIRST);
    }
}
