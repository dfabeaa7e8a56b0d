//! Waits between attempts to connect.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
/// For what does not come about at all.
const LONGEST: Duration = Duration::from_secs(15);
/// For what comes about and is lost again: the other side is there.
const LONGEST_AFTER_SUCCESS: Duration = Duration::from_secs(1);
/// What lasted this long was no failed attempt.
const STABLE: Duration = Duration::from_secs(10);

/// How long to wait before the next attempt: doubled each time, spread so that a herd does not come back in one moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after something was lost that had worked for `lived`, or did not come about at all.
    pub(super) fn after(&mut self, lived: Option<Duration>) -> Duration {
        if lived.is_some_and(|lived| lived >= STABLE) {
            self.failures = 0;
        }
        let longest = if lived.is_some() { LONGEST_AFTER_SUCCESS } else { LONGEST };
        let wait = wait(self.failures, longest, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

fn wait(failures: u32, longest: Duration, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(longest);
    doubled.mul_f64(0.5 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_stability() {
        assert_eq!(wait(0, LONGEST, 1.0), FIRST);
        assert_eq!(wait(3, LONGEST, 1.0), FIRST * 8);
        assert_eq!(wait(u32::MAX, LONGEST, 1.0), LONGEST);
        let mut backoff = Backoff { failures: 30 };
        assert!(backoff.after(Some(Duration::ZERO)) <= LONGEST_AFTER_SUCCESS);
        assert!(backoff.after(None) > LONGEST_AFTER_SUCCESS);
        assert!(backoff.after(Some(STABLE)) <= FIRST);
    }
}
