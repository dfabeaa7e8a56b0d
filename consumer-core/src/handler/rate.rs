//! The rate limit of a consumer.

use std::{num::NonZeroU32, time::Duration};

/// How many deliveries a consumer takes up in a time, with some at once after a pause.
///
/// ```
/// # use consumer_core::handler::RateLimit;
/// let gentle = RateLimit::per_second(50).burst(10);
/// let slow = RateLimit::per_minute(6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub(crate) deliveries: NonZeroU32,
    pub(crate) seconds: u32,
    pub(crate) burst: NonZeroU32,
}

impl RateLimit {
    /// So many in a second; at least 1.
    #[must_use]
    pub fn per_second(deliveries: u32) -> Self {
        Self::new(deliveries, 1)
    }

    /// So many in a minute; at least 1.
    #[must_use]
    pub fn per_minute(deliveries: u32) -> Self {
        Self::new(deliveries, 60)
    }

    /// How many may come at once after a pause, at least 1; 1 unless this says otherwise, which spreads them evenly.
    #[must_use]
    pub fn burst(mut self, deliveries: u32) -> Self {
        self.burst = at_least_one(deliveries);
        self
    }

    /// The time between two.
    pub(crate) fn pace(self) -> Duration {
        Duration::from_secs(self.seconds.into()) / self.deliveries.get()
    }

    fn new(deliveries: u32, seconds: u32) -> Self {
        Self { deliveries: at_least_one(deliveries), seconds, burst: NonZeroU32::MIN }
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
