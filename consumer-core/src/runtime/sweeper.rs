//! The sweeper: deletes claims that are older than any message that can still come back.

use std::time::Duration;

use metrics::counter;

use crate::{clock, error::Chain, storage::Storage, telemetry::SWEPT};

/// Between two sweeps.
const INTERVAL: Duration = Duration::from_secs(60);
/// Claims per statement: short enough for nobody to notice the locks.
const BATCH: u32 = 1_000;

/// Sweeps until it is dropped.
pub(super) async fn run<S: Storage>(storage: S, retention: Duration) {
    loop {
        clock::sleep(INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        while sweep(&storage, retention).await {}
    }
}

/// One batch; whether there is more to do.
async fn sweep<S: Storage>(storage: &S, retention: Duration) -> bool {
    match storage.sweep(retention, BATCH).await {
        Ok(swept) => {
            counter!(SWEPT).increment(swept.rows);
            swept.more
        }
        Err(error) => {
            tracing::warn!(error = %Chain(error.as_ref()), "cannot sweep old claims; trying again in a minute");
            false
        }
    }
}
