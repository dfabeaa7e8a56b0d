//! What `#[effect(…)]` says about a function.

use std::time::Duration;

/// What `#[effect(…)]` says about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectSpec {
    /// Its name in keys and in the ledger. It survives refactoring and renames of the function.
    pub name: &'static str,
    /// Whether the provider honours idempotency keys. If not, a call whose outcome is unknown is never repeated blindly.
    pub keyed: bool,
    /// How long one call may run.
    pub timeout: Duration,
    /// How many calls are made before a person has to look.
    pub attempts: u32,
    /// How long the provider remembers a key. A call whose outcome is unknown is not repeated after it.
    pub key_lifetime: Duration,
    /// Whether it has a function that asks the provider what became of a call.
    pub resolves: bool,
    /// Whether another effect undoes it when its event is dead-lettered.
    pub compensates: bool,
    /// The consumer that is told when it failed for good.
    pub on_failure: Option<&'static str>,
}

impl EffectSpec {
    /// How long a call may run where `timeout` says nothing.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// Calls where `attempts` says nothing: with the waits between them about eight hours.
    pub const DEFAULT_ATTEMPTS: u32 = 20;
    /// How long a provider remembers a key where `key_lifetime` says nothing: what the big payment gateways promise.
    pub const DEFAULT_KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
    /// The first wait between two calls; it doubles up to [`Self::LONGEST_WAIT`].
    pub const FIRST_WAIT: Duration = Duration::from_secs(1);
    /// The longest wait between two calls, unless the provider asks for a longer one.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

    /// An effect of a keyed provider with the defaults.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            keyed: true,
            timeout: Self::DEFAULT_TIMEOUT,
            attempts: Self::DEFAULT_ATTEMPTS,
            key_lifetime: Self::DEFAULT_KEY_LIFETIME,
            resolves: false,
            compensates: false,
            on_failure: None,
        }
    }

    /// The wait after `attempts` calls.
    pub fn wait(&self, attempts: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempts.saturating_sub(1));
        Self::FIRST_WAIT.saturating_mul(doubled).min(Self::LONGEST_WAIT)
    }
}
