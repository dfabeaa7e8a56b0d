//! The tally of one delivery, and what comes next for it.

use std::time::Duration;

use super::{
    RetryPolicy,
    waits::{CONFLICT_WAIT, conflict_wait, outage_wait, spread},
};
use crate::{classify::Class, message::Reason};

/// Conflicts in a row after which one counts as an attempt.
pub const MAX_CONFLICTS: u32 = 10;

/// What has happened to one delivery so far, in this process.
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
    /// A copy on the next rung of the ladder, or in the dead-letter queue after the last; not tried again before an
    /// error's own wait has passed.
    Ladder(Option<Duration>),
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
            // Whoever is in its way stays there: it comes back later.
            Class::Conflict if policy.rungs() > 0 => {
                self.attempts += 1;
                Step::Ladder(None)
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
        let held = retry_after.map(|asked| policy.held(asked));
        match held {
            _ if self.attempts >= policy.attempts_at_once() => Step::Ladder(retry_after),
            None => Step::Again(spread(policy.wait(self.attempts), jitter)),
            Some(Some(asked)) => Step::Again(asked),
            Some(None) => Step::Ladder(retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::LONGEST_HOLD, super::waits::OUTAGE_WAIT, *};

    fn policy() -> RetryPolicy {
        RetryPolicy::default()
    }

    fn next(tally: &mut Tally, class: Class) -> Step {
        tally.next(&policy(), class, None, false, 1.0)
    }

    #[test]
    fn a_permanent_failure_is_never_tried_again() {
        let mut tally = Tally::default();
        assert_eq!(next(&mut tally, Class::Permanent), Step::DeadLetter(Reason::Permanent));
        assert_eq!(tally.attempts, 1, "the attempt that failed for good is counted");
    }

    #[test]
    fn the_third_attempt_at_once_is_the_last_before_the_ladder() {
        let mut tally = Tally::default();
        assert_eq!(next(&mut tally, Class::Transient), Step::Again(Duration::from_millis(200)));
        assert_eq!(next(&mut tally, Class::TimeLimit), Step::Again(Duration::from_millis(400)));
        assert_eq!(next(&mut tally, Class::Transient), Step::Ladder(None));
        assert_eq!(tally.attempts, 3);
    }

    #[test]
    fn ten_conflicts_in_a_row_are_free_and_the_next_one_takes_to_the_ladder() {
        let mut tally = Tally::default();
        for _ in 0..MAX_CONFLICTS {
            assert!(
                matches!(next(&mut tally, Class::Conflict), Step::Again(wait) if wait < Duration::from_millis(100))
            );
        }
        assert_eq!(tally.attempts, 0);
        assert_eq!(next(&mut tally, Class::Conflict), Step::Ladder(None));
        assert_eq!(tally.attempts, 1);
    }

    #[test]
    fn without_a_ladder_the_eleventh_conflict_is_an_attempt() {
        let (mut tally, policy) = (Tally::default(), RetryPolicy::default().ladder([]));
        let steps: Vec<_> =
            (0..=MAX_CONFLICTS).map(|_| tally.next(&policy, Class::Conflict, None, false, 1.0)).collect();
        assert!(steps.iter().all(|step| matches!(step, Step::Again(_))));
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
            .map(|_| tally.next(&policy(), Class::ServerAway, None, true, 0.0))
            .take_while(|s| !is_end(s))
            .collect();
        assert!(matches!(steps[0], Step::Pause(_)), "the first time it may be anybody's fault");
        assert!(tally.attempts > 0);
    }

    #[test]
    fn an_error_that_names_a_short_wait_gets_it_and_a_long_one_is_waited_for_elsewhere() {
        let after = |seconds| {
            let wait = Duration::from_secs(seconds);
            Tally::default().next(&policy(), Class::Transient, Some(wait), false, 0.3)
        };
        assert_eq!(after(3), Step::Again(Duration::from_secs(3)));
        assert_eq!(after(77), Step::Ladder(Some(Duration::from_secs(77))));
    }

    #[test]
    fn without_a_ladder_a_wait_ends_before_the_broker_takes_the_delivery_back() {
        let wait = |attempts| {
            let policy = RetryPolicy::never().at_once(attempts);
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

    fn is_end(step: &Step) -> bool {
        matches!(step, Step::DeadLetter(_) | Step::Ladder(_))
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
            let policy = RetryPolicy::default().at_once(attempts);
            let mut tally = Tally::default();
            for (class, others_pass) in classes {
                let before = tally.attempts;
                let step = tally.next(&policy, class, None, others_pass, 0.5);
                prop_assert!(tally.attempts <= attempts);
                prop_assert!(is_end(&step) || tally.attempts < attempts);
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
