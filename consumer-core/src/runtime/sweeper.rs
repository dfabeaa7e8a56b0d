//! The sweeper: deletes rows that nobody needs any more.

use std::time::Duration;

use metrics::counter;

use crate::{
    clock,
    error::Chain,
    storage::{Storage, StorageError, Swept},
    telemetry::{EFFECTS_SWEPT, FAILURES_SWEPT, OUTBOX_SWEPT, SWEPT},
};

/// Between two sweeps.
const INTERVAL: Duration = Duration::from_secs(60);
/// Rows per statement: short enough for nobody to notice the locks.
const BATCH: u32 = 1_000;

/// How long rows are kept.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// Claims, longer than any message that can still come back, and the effects of their events.
    pub(super) retention: Duration,
    /// Failure records, and with them the claims of their events.
    pub(super) failures: Duration,
    /// Events of the outbox, after they were published.
    pub(super) sent: Duration,
}

/// Sweeps until it is dropped.
pub(super) async fn run<S: Storage>(storage: S, kept: Kept) {
    loop {
        clock::sleep(INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        // Before the claims, which they keep, and which tell whether they are over.
        let failures = || storage.sweep_failures(kept.retention, kept.failures, BATCH);
        while swept("failure records", FAILURES_SWEPT, failures().await) {}
        while swept("claims", SWEPT, storage.sweep(kept.retention, BATCH).await) {}
        while swept("events", OUTBOX_SWEPT, storage.sweep_outbox(kept.sent, BATCH).await) {}
        while swept("effects", EFFECTS_SWEPT, storage.sweep_effects(kept.retention, BATCH).await) {}
    }
}

/// Counts one batch; whether there is more to do.
fn swept(what: &'static str, counter: &'static str, swept: Result<Swept, StorageError>) -> bool {
    match swept {
        Ok(swept) => {
            counter!(counter).increment(swept.rows);
            swept.more
        }
        Err(error) => {
            tracing::warn!(error = %Chain(error.as_ref()), "cannot sweep old {what}; trying again in a minute");
            false
        }
    }
}
