//! The ways in which a gateway fails.

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429 with `Retry-After`; nothing is charged.
    Busy,
    /// 409, as if another call with this key were running; nothing is charged.
    InProgress,
    /// 503; nothing is charged, but nobody can tell.
    FailedBefore,
    /// Charged, and answered with 500.
    FailedAfter,
    /// Charged, and never answered.
    Silent,
}

impl Fault {
    const ALL: [Self; 5] =
        [Self::Busy, Self::InProgress, Self::FailedBefore, Self::FailedAfter, Self::Silent];

    /// One of them.
    pub(super) fn pick(dice: &mut fastrand::Rng) -> Self {
        Self::ALL[dice.usize(..Self::ALL.len())]
    }
}
