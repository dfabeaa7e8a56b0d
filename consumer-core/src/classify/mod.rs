//! The class of a failure, which alone decides what happens to a delivery.

#[doc(hidden)]
pub mod cause;

use std::{error::Error as StdError, sync::Arc, time::Duration};

/// What kind of failure it was, and so what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Two transactions met: a deadlock, a lock wait, a serialization failure. The whole unit runs again at once and no
    /// attempt is counted, ten times in a row at most; the next one goes to the ladder.
    Conflict,
    /// The database is away, full of connections or read-only. The worker pauses, reconnects, and counts no attempt.
    ServerAway,
    /// The database has no space or memory. The worker pauses and counts no attempt: the message is not to blame.
    OutOfSpace,
    /// A table, column or right is missing: our deploy is wrong. The worker pauses and counts no attempt.
    DeployWrong,
    /// A time limit ran out. Counted.
    TimeLimit,
    /// May succeed later, like a refund that came before its payment. Counted.
    Transient,
    /// Will never succeed. Dead letter at once.
    Permanent,
}

impl Class {
    /// The text used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::ServerAway => "server-away",
            Self::OutOfSpace => "out-of-space",
            Self::DeployWrong => "deploy-wrong",
            Self::TimeLimit => "time-limit",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
        }
    }
}

/// What an error says about itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict<'a> {
    /// Never again: dead letter.
    Permanent,
    /// Maybe later.
    Transient,
    /// Later, and not before this much time has passed. Up to the first rung of the
    /// [ladder](crate::retry::RetryPolicy::ladder) the delivery is held for it; beyond that a copy waits, on the smallest rung
    /// that is long enough. Without a ladder it is cut to [`LONGEST_HOLD`](crate::retry::LONGEST_HOLD) over all attempts.
    RetryAfter(Duration),
    /// Ask this cause: the storage looks for a code in it and in its sources; without one it is transient.
    Cause(&'a (dyn StdError + 'static)),
}

/// An error that knows what should become of the message it failed on. `#[derive(Classify)]` writes this on an error enum:
///
/// ```
/// use std::time::Duration;
///
/// use consumer_core::{Classify, Verdict};
///
/// enum LedgerError {
///     Db(std::io::Error),
///     AccountClosed,
///     Busy,
/// }
///
/// impl Classify for LedgerError {
///     fn classify(&self) -> Verdict<'_> {
///         match self {
///             Self::Db(cause) => Verdict::Cause(cause),
///             Self::AccountClosed => Verdict::Permanent,
///             Self::Busy => Verdict::RetryAfter(Duration::from_secs(30)),
///         }
///     }
/// }
/// # assert!(matches!(LedgerError::AccountClosed.classify(), Verdict::Permanent));
/// # let _ = (LedgerError::Db(std::io::ErrorKind::Other.into()), LedgerError::Busy);
/// ```
///
/// It is found only where it is the handler's own error type: inside an `anyhow::Error` it is a stranger among others.
pub trait Classify {
    /// The verdict of this value.
    fn classify(&self) -> Verdict<'_>;
}

impl<E: Classify + ?Sized> Classify for Box<E> {
    fn classify(&self) -> Verdict<'_> {
        (**self).classify()
    }
}

impl<E: Classify + ?Sized> Classify for Arc<E> {
    fn classify(&self) -> Verdict<'_> {
        (**self).classify()
    }
}

/// Asks each link of an error's chain, the outermost first, until one has an answer.
pub fn walk<T>(
    error: &(dyn StdError + 'static),
    mut ask: impl FnMut(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(answer) = ask(error) {
            return Some(answer);
        }
        link = error.source();
    }
    None
}
