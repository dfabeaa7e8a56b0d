//! The watch over the ledger: its gauges, and a warning when nobody calls what is due.

use std::{borrow::BorrowMut, sync::Arc, time::Duration};

use super::desk::Desk;
use crate::{
    clock, effect::EffectCounts, error::Chain, runtime::session::Slot, storage::Storage,
    telemetry::effects_counted,
};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(15);
/// How late effects may be before somebody should know: long enough for a deploy, and for a provider's small outage.
const OVERDUE: Duration = Duration::from_secs(5 * 60);

/// Looks until it is dropped.
pub(super) async fn watch<S: Storage, L: BorrowMut<Slot<S>> + Send>(desk: Arc<Desk<S, L>>) {
    let mut complained = false;
    loop {
        match desk.count().await {
            Ok(counts) => {
                effects_counted(&counts);
                complained = complain(&counts, complained);
            }
            Err(error) => tracing::warn!(error = %Chain(error.as_ref()), "cannot count effects"),
        }
        clock::sleep(INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
    }
}

/// Warns once for each time that effects become overdue.
fn complain(counts: &EffectCounts, complained: bool) -> bool {
    let late = counts.overdue > OVERDUE;
    if late && !complained {
        tracing::warn!(
            overdue = ?counts.overdue,
            planned = counts.planned,
            "effects are overdue: they belong to an app that does not run, or more are scheduled than are called"
        );
    }
    late
}
