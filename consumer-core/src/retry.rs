//! What happens after a failure: a decision over a record, without clock, database or waiting.

use std::time::Duration;

use crate::{classify::Class, message::Reason};

/// How often and how fast a consumer tries again.
///
/// Attempts are counted for failures that the event or the handler may be to blame for. Conflicts between transactions
/// and outages of the database are not attempts: see [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// The wait before the second attempt; each later one doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, first_wait: Duration::from_millis(200), longest_wait: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// How long a delivery can wait between its first attempt and its last.
    pub(crate) fn longest(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for attempt in 1..self.attempts {
            let wait = self.wait(attempt);
            if wait == self.wait(attempt + 1) {
                return sum.saturating_add(wait.saturating_mul(self.attempts - attempt));
            }
            sum = sum.saturating_add(wait);
        }
        sum
    }

    /// The longest wait that an error may ask for, so that all of them together stay below [`LONGEST_HOLD`].
    fn longest_asked(&self) -> Duration {
        LONGEST_HOLD / self.attempts.saturating_sub(1).max(1)
    }

    /// The longest wait after so many attempts.
    fn wait(&self, attempts: u32) -> Duration {
        double(self.first_wait, attempts - 1).min(self.longest_wait)
    }
}

/// How long a delivery may wait in all. It stays unsettled meanwhile, and RabbitMQ takes it back, with everything else
/// on its channel, after 30 minutes; then it would begin with its first attempt again, for ever.
pub const LONGEST_HOLD: Duration = Duration::from_secs(20 * 60);

/// Conflicts in a row after which one counts as an attempt.
pub const MAX_CONFLICTS: u32 = 10;

/// Waits between conflicts: long enough for the rival to finish, too short to be noticed.
const CONFLICT_WAIT: Duration = Duration::from_millis(5);

/// Waits while the database is away, from the first to the longest.
const OUTAGE_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// What has happened to one delivery so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Failures that count.
    pub attempts: u32,
    /// Conflicts in a row.
    pub conflicts: u32,
    /// Outages in a row.
    pub outages: u32,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The whole unit again after this wait, with the worker free for others meanwhile.
    Again(Duration),
    /// The whole unit again after this wait, with the worker waiting: nothing else would fare better.
    Pause(Duration),
    /// Never again.
    DeadLetter(Reason),
}

impl Tally {
    /// Decides about a failure.
    ///
    /// `others_pass` says that other events were committed since this delivery last met an outage: an event that alone
    /// takes the server down is to blame itself. `jitter` is between 0 and 1.
    pub fn next(
        &mut self,
        policy: &RetryPolicy,
        class: Class,
        retry_after: Option<Duration>,
        others_pass: bool,
        jitter: f64,
    ) -> Step {
        match class {
            Class::Permanent => {
                self.attempts += 1;
                Step::DeadLetter(Reason::Permanent)
            }
            Class::Conflict if self.conflicts < MAX_CONFLICTS => {
                self.conflicts += 1;
                Step::Again(conflict_wait(self.conflicts - 1, jitter))
            }
            Class::ServerAway | Class::OutOfSpace | Class::DeployWrong
                if self.outages == 0 || !others_pass =>
            {
                let wait = outage_wait(self.outages, jitter);
                self.outages = self.outages.saturating_add(1);
                Step::Pause(wait)
            }
            _ => self.count(policy, retry_after, jitter),
        }
    }

    /// Decides about a failure that came before the event was touched: no session, no transaction. The event has no part
    /// in it, so that no attempt is counted, however often it happens and whoever else gets through.
    pub fn before_the_event(&mut self, class: Class, jitter: f64) -> Step {
        if class == Class::Conflict {
            return Step::Again(spread(CONFLICT_WAIT * MAX_CONFLICTS, jitter));
        }
        let wait = outage_wait(self.outages, jitter);
        self.outages = self.outages.saturating_add(1);
        Step::Pause(wait)
    }

    fn count(&mut self, policy: &RetryPolicy, retry_after: Option<Duration>, jitter: f64) -> Step {
        (self.conflicts, self.outages) = (0, 0);
        self.attempts += 1;
        if self.attempts >= policy.attempts {
            return Step::DeadLetter(Reason::AttemptsExhausted);
        }
        let asked = retry_after.map(|wait| wait.min(policy.longest_asked()));
        Step::Again(asked.unwrap_or_else(|| spread(policy.wait(self.attempts), jitter)))
    }
}

/// The wait after `failures` failures in a row of a server that everything depends on.
pub(crate) fn outage_wait(failures: u32, jitter: f64) -> Duration {
    let (first, longest) = OUTAGE_WAIT;
    spread(double(first, failures).min(longest), jitter)
}

/// The wait after `conflicts` conflicts in a row, the present one not counted.
pub(crate) fn conflict_wait(conflicts: u32, jitter: f64) -> Duration {
    spread(CONFLICT_WAIT * (conflicts + 1).min(MAX_CONFLICTS), jitter)
}

fn double(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(2u32.saturating_pow(times))
}

/// Between half of the wait and all of it, so that many failures of one moment do not come back in one moment.
fn spread(wait: Duration, jitter: f64) -> Duration {
    wait.saturating_sub(wait.mul_f64((1.0 - jitter.clamp(0.0, 1.0)) / 2.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_secs(30),
    };

    fn next(tally: &mut Tally, class: Class) -> Step {
        tally.next(&POLICY, class, None, false, 1.0)
    }

    #[test]
    fn a_permanent_failure_is_never_tried_again() {
        let mut tally = Tally::default();
        assert_eq!(next(&mut tally, Class::Permanent), Step::DeadLetter(Reason::Permanent));
        assert_eq!(tally.attempts, 1, "the attempt that failed for good is counted");
    }

    #[test]
    fn the_third_attempt_is_the_last_and_waits_double_before_it() {
        let mut tally = Tally::default();
        assert_eq!(next(&mut tally, Class::Transient), Step::Again(Duration::from_millis(200)));
        assert_eq!(next(&mut tally, Class::TimeLimit), Step::Again(Duration::from_millis(400)));
        assert_eq!(next(&mut tally, Class::Transient), Step::DeadLetter(Reason::AttemptsExhausted));
        assert_eq!(tally.attempts, 3);
    }

    #[test]
    fn ten_conflicts_in_a_row_are_free_and_the_next_one_counts() {
        let mut tally = Tally::default();
        for _ in 0..MAX_CONFLICTS {
            assert!(
                matches!(next(&mut tally, Class::Conflict), Step::Again(wait) if wait < Duration::from_millis(100))
            );
        }
        assert_eq!(tally.attempts, 0);
        next(&mut tally, Class::Conflict);
        assert_eq!((tally.attempts, tally.conflicts), (1, 0));
    }

    #[test]
    fn an_outage_burns_no_attempt_however_long_it_lasts() {
        let mut tally = Tally::default();
        for class in [Class::ServerAway, Class::OutOfSpace, Class::DeployWrong].repeat(100) {
            assert!(matches!(next(&mut tally, class), Step::Pause(wait) if wait <= OUTAGE_WAIT.1));
        }
        assert_eq!(tally.attempts, 0);
    }

    #[test]
    fn an_event_that_alone_takes_the_server_down_is_to_blame_itself() {
        let mut tally = Tally::default();
        let steps: Vec<_> = (0..4)
            .map(|_| tally.next(&POLICY, Class::ServerAway, None, true, 0.0))
            .take_while(|s| !is_end(s))
            .collect();
        assert!(matches!(steps[0], Step::Pause(_)), "the first time it may be anybody's fault");
        assert!(tally.attempts > 0);
    }

    #[test]
    fn an_error_that_names_its_wait_gets_it() {
        let wait = Duration::from_secs(77);
        assert_eq!(
            Tally::default().next(&POLICY, Class::Transient, Some(wait), false, 0.3),
            Step::Again(wait)
        );
    }

    #[test]
    fn a_wait_that_an_error_asks_for_ends_before_the_broker_takes_the_delivery_back() {
        let wait = |attempts| {
            let policy = RetryPolicy { attempts, ..POLICY };
            Tally::default().next(&policy, Class::Transient, Some(Duration::MAX), false, 0.3)
        };
        assert_eq!(wait(2), Step::Again(LONGEST_HOLD));
        assert_eq!(wait(5), Step::Again(LONGEST_HOLD / 4));
    }

    #[test]
    fn what_fails_before_the_event_is_touched_never_counts() {
        let mut tally = Tally::default();
        for class in [Class::Conflict, Class::ServerAway, Class::Transient, Class::Permanent].repeat(100) {
            assert!(!is_end(&tally.before_the_event(class, 1.0)));
        }
        assert_eq!((tally.attempts, tally.conflicts), (0, 0));
    }

    #[test]
    fn the_longest_wait_of_any_policy_is_known_at_once() {
        let longest =
            |attempts, first_wait, longest_wait| RetryPolicy { attempts, first_wait, longest_wait }.longest();
        let second = Duration::from_secs(1);
        assert_eq!(longest(0, second, second), Duration::ZERO);
        assert_eq!(longest(1, second, second), Duration::ZERO);
        assert_eq!(longest(6, second, 5 * second), 17 * second, "1 + 2 + 4 + 5 + 5");
        assert!(longest(u32::MAX, second, Duration::MAX) > LONGEST_HOLD);
        assert_eq!(longest(u32::MAX, Duration::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(longest(u32::MAX, Duration::ZERO, second), Duration::ZERO);
        assert_eq!(spread(Duration::MAX, 1.0), Duration::MAX);
    }

    fn is_end(step: &Step) -> bool {
        matches!(step, Step::DeadLetter(_))
    }

    fn class() -> impl Strategy<Value = Class> {
        prop::sample::select(vec![
            Class::Conflict,
            Class::ServerAway,
            Class::OutOfSpace,
            Class::DeployWrong,
            Class::TimeLimit,
            Class::Transient,
        ])
    }

    proptest! {
        #[test]
        fn whatever_fails_attempts_never_exceed_the_limit_and_counted_failures_always_end(
            classes in prop::collection::vec((class(), any::<bool>()), 0..200),
            attempts in 1u32..6,
        ) {
            let policy = RetryPolicy { attempts, ..POLICY };
            let mut tally = Tally::default();
            for (class, others_pass) in classes {
                let before = tally.attempts;
                let step = tally.next(&policy, class, None, others_pass, 0.5);
                prop_assert!(tally.attempts <= attempts);
                prop_assert_eq!(is_end(&step), tally.attempts == attempts);
                if matches!(class, Class::TimeLimit | Class::Transient) {
                    prop_assert_eq!(tally.attempts, before + 1);
                }
                if is_end(&step) {
                    break;
                }
            }
        }
    }
}
