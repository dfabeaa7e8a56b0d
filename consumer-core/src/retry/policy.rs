//! The policy of a consumer: how often and how fast it tries again.

use std::time::Duration;

use super::waits::double;

/// How long a delivery may wait here in all. It stays unsettled meanwhile, and RabbitMQ takes it back, with everything else
/// on its channel, after 30 minutes; then it would begin with its first attempt again, for ever.
pub const LONGEST_HOLD: Duration = Duration::from_secs(20 * 60);

/// How often and how fast a consumer tries again.
///
/// Whenever the event comes, it is tried [`at_once`](Self::at_once) times, each in a new transaction, with doubling waits
/// between them; then a copy of it waits on the next rung of the [`ladder`](Self::ladder), in a queue of its own, and after
/// the last rung it goes to the dead-letter queue. So it is tried `at_once × (rungs + 1)` times in all.
///
/// Attempts are counted for failures that the event or the handler may be to blame for. Conflicts between transactions
/// and outages of the database are not attempts: see [`Class`](crate::Class).
///
/// ```
/// # use std::time::Duration;
/// # use consumer_core::retry::RetryPolicy;
/// let patient = RetryPolicy::default().ladder([60, 3600, 6 * 3600].map(Duration::from_secs));
/// let impatient = RetryPolicy::never();
/// assert_eq!((patient.attempts(), impatient.attempts()), (12, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(super) at_once: u32,
    pub(super) first_wait: Duration,
    pub(super) longest_wait: Duration,
    pub(super) ladder: Vec<Duration>,
    pub(super) deaths: u32,
}

impl Default for RetryPolicy {
    /// Three attempts at once, 200 ms and 400 ms apart; then rungs of 5 s, 30 s, 5 min and 30 min.
    fn default() -> Self {
        Self {
            at_once: 3,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(30),
            ladder: [5, 30, 5 * 60, 30 * 60].map(Duration::from_secs).into(),
            deaths: 8,
        }
    }
}

impl RetryPolicy {
    /// One attempt, no ladder: what fails is dead.
    #[must_use]
    pub fn never() -> Self {
        Self::default().at_once(1).ladder([])
    }

    /// Attempts whenever the event comes, the first included; at least 1.
    #[must_use]
    pub fn at_once(mut self, attempts: u32) -> Self {
        self.at_once = attempts.max(1);
        self
    }

    /// The wait before the second of these attempts, and the longest: each later one doubles it.
    #[must_use]
    pub fn waits(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_wait, self.longest_wait) = (first, longest);
        self
    }

    /// The delays after which a copy of the event comes back, one after the other; empty for none. Each has a wait queue of
    /// its own, and keeps a copy for up to a quarter longer, so that what failed together comes back spread out.
    ///
    /// A queue's delay cannot be changed: a policy with other delays declares other wait queues, and what waits in the old
    /// ones still comes back.
    #[must_use]
    pub fn ladder(mut self, delays: impl IntoIterator<Item = Duration>) -> Self {
        self.ladder = delays.into_iter().filter(|delay| !delay.is_zero()).collect();
        self
    }

    /// How many deaths in a row are counted of processes that ran the message, before it is dead-lettered unread; at least 2,
    /// because the first one counted only makes it a suspect among others. That of its very first delivery is not counted:
    /// nobody marks those. 8 unless this says otherwise: a process that others kill often must not blame who it ran.
    #[must_use]
    pub fn deaths(mut self, deaths: u32) -> Self {
        self.deaths = deaths.max(2);
        self
    }

    /// Attempts in all, over every rung.
    pub fn attempts(&self) -> u32 {
        self.at_once.saturating_mul(self.rungs().saturating_add(1))
    }

    pub(crate) fn attempts_at_once(&self) -> u32 {
        self.at_once
    }

    pub(crate) fn most_deaths(&self) -> u32 {
        self.deaths
    }

    pub(crate) fn rungs(&self) -> u32 {
        u32::try_from(self.ladder.len()).unwrap_or(u32::MAX)
    }

    /// The delays as they were given.
    pub(crate) fn as_given(&self) -> Vec<Duration> {
        self.ladder.clone()
    }

    /// The delays that need a wait queue, each once.
    pub(crate) fn delays(&self) -> Vec<Duration> {
        let mut delays = self.ladder.clone();
        delays.sort_unstable();
        delays.dedup();
        delays
    }

    /// How long the copy waits that takes the rung of this number, from 1: at least as long as an error has asked for, as far
    /// as there is a rung for it.
    pub(crate) fn delay(&self, rung: u32, asked: Option<Duration>) -> Option<Duration> {
        let at = usize::try_from(rung)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
            .min(self.ladder.len().checked_sub(1)?);
        let own = self.ladder[at];
        let Some(asked) = asked else { return Some(own) };
        let delays = self.delays();
        delays.iter().copied().find(|delay| *delay >= asked).or(delays.last().copied())
    }

    /// How long a delivery can be held between its attempts at once.
    pub(crate) fn longest_held(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for attempt in 1..self.at_once {
            let wait = self.wait(attempt);
            if wait == self.wait(attempt + 1) {
                return sum.saturating_add(wait.saturating_mul(self.at_once - attempt));
            }
            sum = sum.saturating_add(wait);
        }
        sum
    }

    /// The longest wait after so many attempts.
    pub(super) fn wait(&self, attempts: u32) -> Duration {
        double(self.first_wait, attempts.saturating_sub(1)).min(self.longest_wait)
    }

    /// The wait that an error asks for, if the delivery can be held for it: all of them together stay below
    /// [`LONGEST_HOLD`], and none is longer than the first rung, where a copy waits better.
    pub(super) fn held(&self, asked: Duration) -> Option<Duration> {
        match self.ladder.first() {
            Some(first) => (asked <= *first).then_some(asked),
            None => Some(asked.min(LONGEST_HOLD / self.at_once.saturating_sub(1).max(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ladder(seconds: &[u64]) -> RetryPolicy {
        RetryPolicy::default().ladder(seconds.iter().map(|s| Duration::from_secs(*s)))
    }

    #[test]
    fn the_longest_hold_of_any_policy_is_known_at_once() {
        let longest = |attempts, first, longest| {
            RetryPolicy::never().at_once(attempts).waits(first, longest).longest_held()
        };
        assert_eq!(longest(0, SECOND, SECOND), Duration::ZERO);
        assert_eq!(longest(1, SECOND, SECOND), Duration::ZERO);
        assert_eq!(longest(6, SECOND, 5 * SECOND), 17 * SECOND, "1 + 2 + 4 + 5 + 5");
        assert!(longest(u32::MAX, SECOND, Duration::MAX) > LONGEST_HOLD);
        assert_eq!(longest(u32::MAX, Duration::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(longest(u32::MAX, Duration::ZERO, SECOND), Duration::ZERO);
    }

    #[test]
    fn a_ladder_is_climbed_rung_by_rung() {
        let policy = ladder(&[5, 30, 300]);
        let delays: Vec<_> = (1..=3).map(|rung| policy.delay(rung, None).map(|d| d.as_secs())).collect();
        assert_eq!(delays, [Some(5), Some(30), Some(300)]);
        assert_eq!(policy.delay(9, None), Some(300 * SECOND), "a policy that was shortened meanwhile");
        assert_eq!(RetryPolicy::never().delay(1, None), None);
    }

    #[test]
    fn an_error_that_asks_for_a_wait_gets_the_rung_that_is_long_enough() {
        let policy = ladder(&[30, 5, 300]);
        let delay = |asked| policy.delay(1, Some(Duration::from_secs(asked))).map(|d| d.as_secs());
        assert_eq!((delay(1), delay(5), delay(6), delay(31)), (Some(5), Some(5), Some(30), Some(300)));
        assert_eq!(delay(1000), Some(300), "the record keeps it from being tried before its time");
    }

    #[test]
    fn a_rung_without_a_delay_is_none() {
        assert_eq!(ladder(&[0, 5, 5, 0]).rungs(), 2);
        assert_eq!(ladder(&[5, 1, 5]).delays(), [SECOND, 5 * SECOND]);
    }
}
