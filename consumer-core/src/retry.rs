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
        (1..self.attempts).fold(Duration::ZERO, |sum, attempt| sum.saturating_add(self.wait(attempt)))
    }

    /// The longest wait after so many attempts.
    fn wait(&self, attempts: u32) -> Duration {
        double(self.first_wait, attempts - 1).min(self.longest_wait)
    }
}

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
            Class::Permanent => Step::DeadLetter(Reason::Permanent),
            Class::Conflict if self.conflicts < MAX_CONFLICTS => {
                self.conflicts += 1;
                Step::Again(spread(CONFLICT_WAIT * self.conflicts, jitter))
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

    fn count(&mut self, policy: &RetryPolicy, retry_after: Option<Duration>, jitter: f64) -> Step {
        (self.conflicts, self.outages) = (0, 0);
        self.attempts += 1;
        if self.attempts >= policy.attempts {
            return Step::DeadLetter(Reason::AttemptsExhausted);
        }
        Step::Again(retry_after.unwrap_or_else(|| spread(policy.wait(self.attempts), jitter)))
    }
}

/// The wait after `failures` failures in a row of a server that everything depends on.
pub(crate) fn outage_wait(failures: u32, jitter: f64) -> Duration {
    let (first, longest) = OUTAGE_WAIT;
    spread(double(first, failures).min(longest), jitter)
}

fn double(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(2u32.saturating_pow(times))
}

/// Between half of the wait and all of it, so that many failures of one moment do not come back in one moment.
fn spread(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}
