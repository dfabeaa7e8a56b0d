//! How `#[derive(Classify)]` asks the cause that a variant holds, whatever its type can do.
//!
//! Tiers as in [`handler::via`](crate::handler::via): the first whose bounds hold.

use std::{error::Error as StdError, ops::Deref};

use super::{Classify, Verdict};

/// A cause, to be asked.
pub struct Cause<'a, E>(pub &'a E);

/// A cause with an opinion of its own.
pub trait AskClassify {
    /// This tier.
    fn ask(&self) -> ByOpinion {
        ByOpinion
    }
}

impl<E: Classify> AskClassify for &&&&Cause<'_, E> {}

/// The cause says its class itself.
pub struct ByOpinion;

impl ByOpinion {
    /// Its verdict.
    pub fn of<E: Classify>(self, cause: &E) -> Verdict<'_> {
        cause.classify()
    }
}

/// An error behind a pointer, such as `Box<sqlx::Error>`: downcasting has to start behind it.
pub trait AskPointer {
    /// This tier.
    fn ask(&self) -> ByTarget {
        ByTarget
    }
}

impl<E: Deref<Target: StdError + Sized + 'static>> AskPointer for &&&Cause<'_, E> {}

/// The storage looks for a code in what the pointer points to.
pub struct ByTarget;

impl ByTarget {
    /// The target.
    pub fn of<E: Deref<Target: StdError + Sized + 'static>>(self, cause: &E) -> Verdict<'_> {
        Verdict::Cause(&**cause)
    }
}

/// Any other error.
pub trait AskError {
    /// This tier.
    fn ask(&self) -> ByChain {
        ByChain
    }
}

impl<E: StdError + 'static> AskError for &&Cause<'_, E> {}

/// The storage looks for a code in the cause and in its sources.
pub struct ByChain;

impl ByChain {
    /// The cause.
    pub fn of<E: StdError + 'static>(self, cause: &E) -> Verdict<'_> {
        Verdict::Cause(cause)
    }
}

/// A box around any error: `anyhow::Error`, `Box<dyn Error + Send + Sync>`.
pub trait AskDyn {
    /// This tier.
    fn ask(&self) -> ByContent {
        ByContent
    }
}

impl<E: AsRef<dyn StdError + Send + Sync>> AskDyn for &Cause<'_, E> {}

/// The storage looks for a code in what the box holds.
pub struct ByContent;

impl ByContent {
    /// The content.
    pub fn of<E: AsRef<dyn StdError + Send + Sync>>(self, cause: &E) -> Verdict<'_> {
        Verdict::Cause(cause.as_ref())
    }
}

/// What is left: no error at all.
pub trait AskNone {
    /// This tier.
    fn ask(&self) -> ByNothing {
        ByNothing
    }
}

impl<E> AskNone for Cause<'_, E> {}

/// A type that is no error, which does not compile.
pub struct ByNothing;

impl ByNothing {
    /// Fails to compile.
    pub fn of<E: CauseOfAnError>(self, _: &E) -> Verdict<'_> {
        Verdict::Transient
    }
}

/// The bound that nothing has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be asked for the class of an error",
    label = "not an error",
    note = "a cause implements `std::error::Error`, or is an `anyhow::Error` or a `Box<dyn Error + Send + Sync>`; a \
            variant that is not to ask its cause says its own class: `#[classify(transient)]`"
)]
pub trait CauseOfAnError {}
