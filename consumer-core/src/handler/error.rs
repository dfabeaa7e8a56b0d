//! The error of a handler, kept as it was so that its class can still be found.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::{
    classify::{Class, Verdict, walk},
    effect::{Effected, ProviderError},
    error::Chain,
    storage::Storage,
};

/// An error of a handler or an extractor, whatever its type was.
///
/// It does not implement [`Error`](StdError), so that every error type converts into it in generated code.
pub struct HandlerError(pub(super) Box<dyn Failure>);

/// A user's error, unboxed: boxing an `anyhow::Error` would hide the database error inside it from `downcast_ref`.
pub(super) trait Failure: Send + Sync {
    fn as_error(&self) -> &(dyn StdError + 'static);
    fn verdict(&self) -> Option<Verdict<'_>>;

    /// The class of an error of ours.
    fn class(&self) -> Option<Class> {
        None
    }
}

impl HandlerError {
    pub(super) fn new(failure: impl Failure + 'static) -> Self {
        Self(Box::new(failure))
    }

    /// An error that will not go away: the message is dead-lettered at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Plain { message: message.into(), class: Class::Permanent })
    }

    /// An error that may go away: the attempt is counted, and another follows.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Plain { message: message.into(), class: Class::Transient })
    }

    /// Our deploy is wrong: the consumer pauses, and no attempt is counted.
    pub(crate) fn deploy_wrong(message: impl Into<String>) -> Self {
        Self::new(Plain { message: message.into(), class: Class::DeployWrong })
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        let message = format!("the handler did not finish within {after:?} and was cancelled");
        Self::new(Plain { message, class: Class::TimeLimit })
    }

    pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        Self::transient(format!("the handler panicked: {}", panic_text(panic)))
    }

    /// The class of the error: its own word, else what the storage reads from a code in its chain, else transient.
    pub(crate) fn classify<S: Storage>(&self, storage: &S) -> (Class, Option<Duration>) {
        let by_code = |error| match provider_error(error) {
            Some(said) => (said.class(), said.wait()),
            None => (walk(error, |link| storage.classify(link)).unwrap_or(Class::Transient), None),
        };
        if let Some(class) = self.0.class() {
            return (class, None);
        }
        match self.0.verdict() {
            Some(Verdict::Permanent) => (Class::Permanent, None),
            Some(Verdict::Transient) => (Class::Transient, None),
            Some(Verdict::RetryAfter(delay)) => (Class::Transient, Some(delay)),
            Some(Verdict::Cause(cause)) => by_code(cause),
            None => by_code(self.0.as_error()),
        }
    }

    /// What a failed call to a provider has done, as far as its error tells: nothing, if it says that it will never succeed.
    pub(crate) fn effected(&self) -> Effected {
        let by_cause = |error| provider_error(error).map_or(Effected::Unknown, ProviderError::effected);
        match self.0.verdict() {
            Some(Verdict::Permanent) => Effected::Nothing,
            Some(Verdict::Cause(cause)) => by_cause(cause),
            Some(_) | None => by_cause(self.0.as_error()),
        }
    }
}

/// The error of a provider, if there is one in the chain.
fn provider_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ProviderError> {
    let mut link = Some(error);
    while let Some(error) = link {
        match error.downcast_ref() {
            Some(found) => return Some(found),
            None => link = error.source(),
        }
    }
    None
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("with a value that is no text")
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Chain(self.0.as_error()).fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandlerError({self})")
    }
}

/// An error without a type of its own.
#[derive(Debug)]
struct Plain {
    message: String,
    class: Class,
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Plain {}

impl Failure for Plain {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }

    fn class(&self) -> Option<Class> {
        Some(self.class)
    }

    fn verdict(&self) -> Option<Verdict<'_>> {
        Some(if self.class == Class::Permanent { Verdict::Permanent } else { Verdict::Transient })
    }
}
