//! Waiting for a condition, never for the clock.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(3);

/// Looks until the condition holds.
///
/// # Panics
/// After `limit`, with `what` did not come true.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(LOOK).await;
    }
}
