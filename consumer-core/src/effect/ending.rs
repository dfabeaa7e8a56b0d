//! The ending of one call, as it is written into the ledger.

use std::time::Duration;

use bytes::Bytes;

/// How one call has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Done, with its result as JSON.
    Done(Bytes),
    /// To be called again after this wait.
    Again {
        /// How long to wait.
        wait: Duration,
        /// What it said.
        error: String,
        /// Whether any call has an unknown outcome now, this one or an earlier one. It replaces what the row said: a provider
        /// that was asked may have cleared the doubt.
        uncertain: bool,
    },
    /// Never again, and not done.
    Failed {
        /// What it said.
        error: String,
    },
    /// Never again by itself, done or not.
    Unknown {
        /// What is known.
        error: String,
    },
    /// It was not called after all: the row is as it was before, and no attempt is counted.
    Returned,
}

/// Whether an ending was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was: nobody has started the effect anew, even if the lease had run out.
    Accepted,
    /// Somebody has started it anew, or a person has resolved it: the ending is kept as evidence and changes nothing.
    TooLate,
}
