//! The rate limit of a consumer at run time.

use std::time::Duration;

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use crate::{
    clock::{self, Instant},
    handler::RateLimit,
    telemetry::Instruments,
};

/// Lets deliveries through at a rate; without a limit, all of them at once.
pub(super) struct Limit(Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>>);

/// This crate's clock, as the limiter asks it: time since it was made.
#[derive(Clone)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        clock::now().duration_since(self.0).into()
    }
}

impl Limit {
    pub(super) fn new(limit: Option<RateLimit>) -> Self {
        let quota = limit.and_then(|limit| Some(Quota::with_period(limit.pace())?.allow_burst(limit.burst)));
        Self(quota.map(|quota| RateLimiter::direct_with_clock(quota, Ticks(clock::now()))))
    }

    /// Waits for a place.
    ///
    /// # Cancel safety
    /// No place is taken by a future that is dropped.
    pub(super) async fn pass(&self, instruments: &Instruments) {
        let Some(limiter) = &self.0 else { return };
        let begun = clock::now();
        while let Err(not_yet) = limiter.check() {
            let now = limiter.clock().now();
            clock::sleep(Duration::from(not_yet.earliest_possible().duration_since(now))).await;
        }
        instruments.rate_wait(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn time_for(limit: RateLimit, deliveries: u32) -> Duration {
        let (limit, instruments) = (Limit::new(Some(limit)), Instruments::new("test"));
        let begun = clock::now();
        for _ in 0..deliveries {
            limit.pass(&instruments).await;
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_and_a_burst_is_let_through() {
        let even = time_for(RateLimit::per_second(10), 21).await;
        assert!((Duration::from_secs(2)..Duration::from_millis(2_050)).contains(&even), "{even:?}");
        let burst = time_for(RateLimit::per_minute(60).burst(20), 21).await;
        assert!((Duration::from_secs(1)..Duration::from_millis(1_050)).contains(&burst), "{burst:?}");
    }
}
