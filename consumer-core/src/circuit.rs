//! The circuit breaker of a consumer: when what it depends on is in trouble, nothing is taken up until it has recovered.
//!
//! A decision over what workers report, without clock or waiting; times count from any beginning.

use std::{collections::VecDeque, fmt, time::Duration};

use crate::retry::{double, spread};

/// When a consumer's circuit breaker opens, and how it closes again.
///
/// Trouble is what infrastructure does: a database that is away, out of space, or not as the deploy expects it; a commit
/// without an answer; a lock that is waited for in vain; a handler that runs into its timeout, or takes longer than
/// [`slow`](Self::slow). Bad data and errors of the handler are none: an event that was committed, was a duplicate, or failed by
/// itself at a healthy speed closes the breaker.
///
/// While it is open the consumer takes up nothing: what is buffered is held, at most for half of the broker's consumer
/// timeout. The database is asked whether it answers, without a message; if it does, one message is processed, each time
/// another one where there are several; if that works, the breaker closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    pub(crate) troubles: u32,
    pub(crate) slow: Option<Duration>,
    pub(crate) first_wait: Duration,
    pub(crate) longest_wait: Duration,
}

impl Default for CircuitBreaker {
    /// Five troubles in a row; then it asks after 1 s, later every 30 s.
    fn default() -> Self {
        Self {
            troubles: 5,
            slow: None,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl CircuitBreaker {
    /// Troubles in a row, of all workers, that open it; at least 1.
    #[must_use]
    pub fn troubles(mut self, troubles: u32) -> Self {
        self.troubles = troubles.max(1);
        self
    }

    /// A unit that takes at least this long is trouble, however it ends. Without it only one that runs into its timeout is.
    #[must_use]
    pub fn slow(mut self, limit: Duration) -> Self {
        self.slow = Some(limit);
        self
    }

    /// How long it stays open before it asks whether the trouble is over; the wait doubles with each time it is not, up to
    /// the longest.
    #[must_use]
    pub fn waits(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_wait, self.longest_wait) = (first, longest);
        self
    }
}

/// Whether a consumer takes up deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CircuitState {
    /// `closed`: it does.
    Closed,
    /// `half-open`: one, to see whether the trouble is over.
    HalfOpen,
    /// `open`: none.
    Open,
}

impl CircuitState {
    /// The text used in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the end of a unit says about the infrastructure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It works.
    Healthy,
    /// It does not, for this reason.
    Trouble(String),
    /// Nothing.
    Nothing,
}

/// What a worker with a delivery in hand is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Process it.
    Go,
    /// Wait so long, then ask whether the database answers.
    Probe(Duration),
    /// Wait until something changes.
    Wait,
}

/// The breaker of one consumer.
#[derive(Debug)]
pub(crate) struct Circuit {
    config: CircuitBreaker,
    state: CircuitState,
    /// Troubles in a row while it is closed.
    troubles: u32,
    /// How often in a row it has opened.
    openings: u32,
    /// When the database is asked next.
    due: Duration,
    /// Who processes the one message.
    trial: Option<usize>,
    /// Who waits with a delivery, in turn: the first probes, and goes first.
    line: VecDeque<usize>,
    reason: String,
}

impl Circuit {
    pub(crate) fn new(config: CircuitBreaker) -> Self {
        Self {
            config,
            state: CircuitState::Closed,
            troubles: 0,
            openings: 0,
            due: Duration::ZERO,
            trial: None,
            line: VecDeque::new(),
            reason: String::new(),
        }
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.state
    }

    /// Whether it is closed, and nobody has reported trouble since somebody got through.
    pub(crate) fn is_calm(&self) -> bool {
        self.state == CircuitState::Closed && self.troubles == 0
    }

    /// Why it is not closed.
    pub(crate) fn reason(&self) -> Option<&str> {
        (self.state != CircuitState::Closed).then_some(self.reason.as_str())
    }

    /// How long until the database is to be asked.
    pub(crate) fn due_in(&self, now: Duration) -> Duration {
        self.due.saturating_sub(now)
    }

    /// What `worker`, who has a delivery in hand, is to do.
    pub(crate) fn next(&mut self, worker: usize, now: Duration) -> Move {
        if self.state == CircuitState::Closed || self.trial == Some(worker) {
            self.leave(worker);
            return Move::Go;
        }
        if !self.line.contains(&worker) {
            self.line.push_back(worker);
        }
        let is_first = self.line.front() == Some(&worker);
        match self.state {
            CircuitState::Open if is_first => Move::Probe(self.due_in(now)),
            CircuitState::HalfOpen if is_first && self.trial.is_none() => {
                self.trial = Some(worker);
                self.leave(worker);
                Move::Go
            }
            _ => Move::Wait,
        }
    }

    /// `worker` has a delivery in hand no more.
    pub(crate) fn leave(&mut self, worker: usize) {
        self.line.retain(|other| *other != worker);
    }

    /// The database was asked whether it answers. Whether the state changed.
    pub(crate) fn probed(&mut self, answered: Result<(), String>, now: Duration, jitter: f64) -> bool {
        if self.state != CircuitState::Open {
            return false;
        }
        match answered {
            Ok(()) => self.state = CircuitState::HalfOpen,
            Err(reason) => self.open(reason, now, jitter),
        }
        true
    }

    /// A unit of `worker` has ended. Whether the state changed.
    pub(crate) fn ended(&mut self, worker: usize, sign: Sign, now: Duration, jitter: f64) -> bool {
        let was_trial = self.trial.take_if(|trial| *trial == worker).is_some();
        match (self.state, sign) {
            (CircuitState::Closed, Sign::Healthy) => {
                self.troubles = 0;
                false
            }
            (CircuitState::Closed, Sign::Trouble(reason)) => {
                self.troubles += 1;
                let opens = self.troubles >= self.config.troubles;
                if opens {
                    self.open(reason, now, jitter);
                }
                opens
            }
            (CircuitState::HalfOpen, Sign::Trouble(reason)) if was_trial => {
                self.open(reason, now, jitter);
                true
            }
            // Also of a unit that had begun before it opened: something gets through.
            (CircuitState::HalfOpen | CircuitState::Open, Sign::Healthy) => {
                self.close();
                true
            }
            _ => was_trial,
        }
    }

    fn open(&mut self, reason: String, now: Duration, jitter: f64) {
        let CircuitBreaker { first_wait, longest_wait, .. } = self.config;
        let wait = spread(double(first_wait, self.openings).min(longest_wait), jitter);
        self.state = CircuitState::Open;
        self.openings = self.openings.saturating_add(1);
        self.due = now.saturating_add(wait);
        self.trial = None;
        self.reason = reason;
    }

    fn close(&mut self) {
        (self.troubles, self.openings, self.trial) = (0, 0, None);
        self.state = CircuitState::Closed;
        self.line.clear();
        self.reason.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn circuit() -> Circuit {
        Circuit::new(CircuitBreaker::default().troubles(2))
    }

    fn trouble() -> Sign {
        Sign::Trouble("the database is away".to_owned())
    }

    fn open() -> Circuit {
        let mut circuit = circuit();
        assert!(!circuit.ended(0, trouble(), NOW, 1.0));
        assert!(circuit.ended(1, trouble(), NOW, 1.0));
        circuit
    }

    fn half_open() -> Circuit {
        let mut circuit = open();
        assert!(circuit.probed(Ok(()), NOW, 1.0));
        circuit
    }

    #[test]
    fn troubles_in_a_row_open_it_and_others_between_them_do_not() {
        let mut circuit = circuit();
        for _ in 0..10 {
            assert!(!circuit.ended(0, trouble(), NOW, 1.0));
            assert!(!circuit.ended(1, Sign::Nothing, NOW, 1.0), "says nothing");
            assert!(!circuit.ended(1, Sign::Healthy, NOW, 1.0));
        }
        assert_eq!((circuit.state(), circuit.next(0, NOW)), (CircuitState::Closed, Move::Go));
        assert_eq!(open().state(), CircuitState::Open);
        assert_eq!(open().reason(), Some("the database is away"));
    }

    #[test]
    fn while_it_is_open_one_asks_and_nobody_goes() {
        let mut circuit = open();
        assert_eq!(circuit.next(3, NOW), Move::Probe(Duration::from_secs(1)));
        assert_eq!(circuit.next(4, NOW), Move::Wait);
        assert_eq!(circuit.next(3, NOW + Duration::from_secs(2)), Move::Probe(Duration::ZERO));
        circuit.leave(3);
        assert!(matches!(circuit.next(4, NOW), Move::Probe(_)), "somebody always asks");
    }

    #[test]
    fn an_answer_lets_one_message_through_and_its_success_all() {
        let mut circuit = open();
        circuit.next(3, NOW);
        circuit.next(4, NOW);
        circuit.probed(Ok(()), NOW, 1.0);
        assert_eq!(circuit.next(4, NOW), Move::Wait, "the first in line goes first");
        assert_eq!((circuit.next(3, NOW), circuit.next(4, NOW)), (Move::Go, Move::Wait));
        assert!(circuit.ended(3, Sign::Healthy, NOW, 1.0));
        assert_eq!((circuit.state(), circuit.next(4, NOW)), (CircuitState::Closed, Move::Go));
    }

    #[test]
    fn after_a_trial_that_failed_another_message_is_tried() {
        let mut circuit = half_open();
        assert_eq!((circuit.next(3, NOW), circuit.next(4, NOW)), (Move::Go, Move::Wait));
        assert!(circuit.ended(3, trouble(), NOW, 1.0));
        assert_eq!(circuit.next(3, NOW), Move::Wait);
        assert_eq!(circuit.next(4, NOW), Move::Probe(Duration::from_secs(2)), "the wait has doubled");
        circuit.probed(Ok(()), NOW, 1.0);
        assert_eq!((circuit.next(3, NOW), circuit.next(4, NOW)), (Move::Wait, Move::Go));
    }

    #[test]
    fn a_trial_that_says_nothing_is_followed_by_another() {
        let mut circuit = half_open();
        assert_eq!((circuit.next(3, NOW), circuit.next(4, NOW)), (Move::Go, Move::Wait));
        assert!(circuit.ended(3, Sign::Nothing, NOW, 1.0), "whoever waits has to be told");
        assert_eq!((circuit.state(), circuit.next(4, NOW)), (CircuitState::HalfOpen, Move::Go));
    }

    #[test]
    fn no_wait_exceeds_the_longest_and_a_success_forgets_them() {
        let mut circuit = open();
        for _ in 0..100 {
            circuit.probed(Err("still away".to_owned()), NOW, 1.0);
        }
        assert_eq!((circuit.due_in(NOW), circuit.reason()), (Duration::from_secs(30), Some("still away")));
        circuit.ended(0, Sign::Healthy, NOW, 1.0);
        circuit.ended(0, trouble(), NOW, 1.0);
        circuit.ended(0, trouble(), NOW, 1.0);
        assert_eq!(circuit.due_in(NOW), Duration::from_secs(1));
    }

    #[test]
    fn what_began_before_it_opened_cannot_open_it_further() {
        let mut circuit = open();
        assert!(!circuit.ended(5, trouble(), NOW, 1.0));
        let mut circuit = half_open();
        assert!(!circuit.ended(5, trouble(), NOW, 1.0), "only the trial counts");
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
    }
}
