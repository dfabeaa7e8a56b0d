//! Chaos: harm done by chance, the same for the same seed.

use std::time::Duration;

use fastrand::Rng;

use crate::clock::{self, Instant};

/// What goes wrong, and how often.
///
/// Probabilities lie between 0 and 1. The same seed does the same harm to the same sequence of calls, so a run on one
/// thread can be repeated exactly.
///
/// ```
/// use std::time::Duration;
///
/// use consumer_core::memory::{Chaos, MemoryBroker};
///
/// let chaos = Chaos::new(42)
///     .duplicate(0.05)
///     .reorder(8)
///     .delay(0.1, Duration::from_millis(50))
///     .cut(0.01)
///     .unconfirmed(0.01)
///     .only(["ledger.payments"]);
/// let broker = MemoryBroker::with_chaos(chaos);
/// # let _ = broker;
/// ```
#[derive(Clone, Debug)]
pub struct Chaos {
    seed: u64,
    duplicate: f64,
    unconfirmed: f64,
    reorder: usize,
    delay: f64,
    longest_delay: Duration,
    cut: f64,
    only: Option<Vec<String>>,
}

impl Chaos {
    /// No harm yet.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            duplicate: 0.0,
            unconfirmed: 0.0,
            reorder: 1,
            delay: 0.0,
            longest_delay: Duration::ZERO,
            cut: 0.0,
            only: None,
        }
    }

    /// A message is stored twice, with the same id, as after a publisher's retry, or as when the broker moves a message to
    /// another queue, which it does at least once.
    #[must_use]
    pub fn duplicate(self, probability: f64) -> Self {
        Self { duplicate: probability, ..self }
    }

    /// The confirm of a publish gets lost. Half of these messages are stored, the other half are not.
    #[must_use]
    pub fn unconfirmed(self, probability: f64) -> Self {
        Self { unconfirmed: probability, ..self }
    }

    /// The next message is any of the first `window` in the queue, and then any of the first `window` prefetched.
    #[must_use]
    pub fn reorder(self, window: usize) -> Self {
        Self { reorder: window, ..self }
    }

    /// A message, or each copy of it, becomes visible later, by up to `longest` of tokio's time; not in a wait queue, where
    /// nobody looks.
    #[must_use]
    pub fn delay(self, probability: f64, longest: Duration) -> Self {
        Self { delay: probability, longest_delay: longest, ..self }
    }

    /// The channel of a delivery dies, half of the time as it is handed out, else just before it is settled.
    ///
    /// See [`MemoryBroker::cut`](super::MemoryBroker::cut) for what that does.
    #[must_use]
    pub fn cut(self, probability: f64) -> Self {
        Self { cut: probability, ..self }
    }

    /// Leaves all other queues alone.
    #[must_use]
    pub fn only(self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { only: Some(queues.into_iter().map(Into::into).collect()), ..self }
    }

    fn reaches(&self, queue: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == queue))
    }
}

/// How often each fault fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// Messages that were stored twice.
    pub duplicated: u64,
    /// Publishes whose confirm got lost.
    pub unconfirmed: u64,
    /// Messages that overtook others.
    pub reordered: u64,
    /// Messages, or copies of them, that became visible later.
    pub delayed: u64,
    /// Channels that died, on demand or by chance.
    pub cut: u64,
}

/// What becomes of the confirm of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    Sent,
    LostAfterStoring,
    LostBeforeStoring,
}

/// Rolls the dice, and counts.
#[derive(Default)]
pub(super) struct Dice {
    unleashed: Option<(Chaos, Rng)>,
    pub(super) faults: Faults,
}

impl Dice {
    pub(super) fn unleash(&mut self, chaos: Chaos) {
        let rng = Rng::with_seed(chaos.seed);
        self.unleashed = Some((chaos, rng));
    }

    pub(super) fn calm(&mut self) {
        self.unleashed = None;
    }

    fn on(&mut self, queue: &str) -> Option<(&Chaos, &mut Rng)> {
        let (chaos, rng) = self.unleashed.as_mut()?;
        chaos.reaches(queue).then_some((chaos, rng))
    }

    fn happens(&mut self, queue: &str, probability: impl Fn(&Chaos) -> f64) -> bool {
        self.on(queue).is_some_and(|(chaos, rng)| rng.f64() < probability(chaos))
    }

    pub(super) fn duplicate(&mut self, queue: &str) -> bool {
        let happens = self.happens(queue, |chaos| chaos.duplicate);
        self.faults.duplicated += u64::from(happens);
        happens
    }

    /// Whether the confirm of a publish to this queue gets lost, and when.
    pub(super) fn confirm(&mut self, queue: &str) -> Confirm {
        if !self.happens(queue, |chaos| chaos.unconfirmed) {
            return Confirm::Sent;
        }
        self.faults.unconfirmed += 1;
        match self.happens(queue, |_| 0.5) {
            true => Confirm::LostAfterStoring,
            false => Confirm::LostBeforeStoring,
        }
    }

    /// When a message becomes visible, if not at once.
    pub(super) fn delay(&mut self, queue: &str) -> Option<Instant> {
        if !self.happens(queue, |chaos| chaos.delay) {
            return None;
        }
        self.faults.delayed += 1;
        let (chaos, rng) = self.on(queue)?;
        Some(clock::now() + chaos.longest_delay.mul_f64(rng.f64()))
    }

    /// Which of so many messages comes next.
    pub(super) fn reorder(&mut self, queue: &str, waiting: usize) -> usize {
        let Some((chaos, rng)) = self.on(queue) else { return 0 };
        let index = rng.usize(..waiting.min(chaos.reorder).max(1));
        self.faults.reordered += u64::from(index > 0);
        index
    }

    /// Whether a channel dies at one of the two moments at which it may.
    pub(super) fn cut(&mut self, queue: &str) -> bool {
        self.happens(queue, |chaos| chaos.cut / 2.0)
    }
}
