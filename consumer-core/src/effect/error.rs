//! The error of a provider: its class, and whether the call may have worked.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::classify::Class;

/// What a failed call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effected {
    /// Nothing: it was refused, or never sent.
    Nothing,
    /// Nothing, and no earlier call with the same key has done anything either: the provider has looked the key up. Only a
    /// keyed effect believes it.
    Never,
    /// Nobody knows: the answer was lost, or says nothing about it.
    Unknown,
}

/// A failed call to a provider, for effects whose client has no errors that say as much.
///
/// The runtime finds it wherever it is in an error's chain. The hook for HTTP returns it; write one yourself around a
/// client of your own:
///
/// ```
/// use std::time::Duration;
/// use consumer_core::effect::ProviderError;
///
/// let busy = ProviderError::not_done("the gateway is busy").retry_after(Duration::from_secs(3));
/// let lost = ProviderError::unknown("the answer was lost");
/// let refused = ProviderError::refused("our password is wrong");
/// let declined = ProviderError::declined("no money on the card");
/// # let _ = (busy, lost, refused, declined);
/// ```
#[derive(Debug)]
pub struct ProviderError {
    message: String,
    class: Class,
    effected: Effected,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ProviderError {
    /// The provider refuses this call for good: nothing was done, and the same call is never made again.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(message, Class::Permanent, Effected::Nothing)
    }

    /// The provider has decided about this key for good, such as a card that is declined: neither this call nor an earlier
    /// one with the same key has done anything, and the same call is never made again.
    ///
    /// [`refused`](Self::refused) says less: where the answer to an earlier call was lost, the effect ends as unknown then,
    /// because a password that was changed meanwhile refuses calls as well.
    pub fn declined(message: impl Into<String>) -> Self {
        Self::new(message, Class::Permanent, Effected::Never)
    }

    /// Nothing was done, and a later call may work.
    pub fn not_done(message: impl Into<String>) -> Self {
        Self::new(message, Class::Transient, Effected::Nothing)
    }

    /// It may have been done. A keyed effect is called again, with the same key.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(message, Class::Transient, Effected::Unknown)
    }

    fn new(message: impl Into<String>, class: Class, effected: Effected) -> Self {
        Self { message: message.into(), class, effected, retry_after: None, source: None }
    }

    /// Not before this much time has passed.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// With its cause.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What the call has done.
    pub fn effected(&self) -> Effected {
        self.effected
    }

    /// How long the provider asks to wait.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for ProviderError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
