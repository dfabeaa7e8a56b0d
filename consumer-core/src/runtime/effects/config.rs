//! The knobs of the effects of one process.

use std::time::Duration;

/// How a runtime runs effects.
///
/// The environment (`CONSUMER_EFFECTS_CONCURRENCY`, `CONSUMER_EFFECTS_LEASE_SECONDS`, `CONSUMER_EFFECTS_POLL_MS`) wins over
/// the code.
///
/// ```
/// # use std::time::Duration;
/// # use consumer_core::runtime::EffectsConfig;
/// let config = EffectsConfig::new().concurrency(64).lease(Duration::from_secs(10));
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it goes into `Runtime::effects`"]
pub struct EffectsConfig {
    pub(in crate::runtime) concurrency: usize,
    pub(in crate::runtime) lease: Duration,
    pub(in crate::runtime) poll: Duration,
}

impl Default for EffectsConfig {
    fn default() -> Self {
        Self { concurrency: Self::DEFAULT_CONCURRENCY, lease: Self::DEFAULT_LEASE, poll: Self::DEFAULT_POLL }
    }
}

impl EffectsConfig {
    /// Scheduled calls of one effect at once by default: they wait for other people's servers, and all of them share one
    /// database connection.
    pub const DEFAULT_CONCURRENCY: usize = 16;
    /// How long a caller that has died keeps others from its effects by default; a living one renews its lease.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);
    /// How often the runner looks for effects that nobody woke it for, by default: those of processes that died, those of
    /// processes without a runner, those whose time has come.
    pub const DEFAULT_POLL: Duration = Duration::from_secs(1);
    /// The shortest lease: below it a slow database would be taken for a dead caller.
    pub const SHORTEST_LEASE: Duration = Duration::from_secs(1);

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many scheduled calls of one effect are made at once, at least 1. Each effect has so many of its own: a provider that
    /// hangs keeps no other from being called.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// How long the lease of a call is, which is renewed every third of it; at least [`Self::SHORTEST_LEASE`].
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Self::SHORTEST_LEASE);
        self
    }

    /// How often to look for effects that are due.
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval.max(Duration::from_millis(1));
        self
    }
}
