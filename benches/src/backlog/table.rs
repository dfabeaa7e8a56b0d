//! The table.

use super::{Backlog, Taken};
use crate::report::{aligned, thousands};

/// The heads of its columns.
pub(crate) const HEADS: [&str; 7] =
    ["", "waiting", "taken", "prefetch", "unacknowledged, at most", "MiB early, late", "at most"];

/// As text for a terminal.
pub fn table(backlog: &Backlog) -> String {
    aligned(&HEADS, rows(backlog))
}

/// Its rows.
pub(crate) fn rows(backlog: &Backlog) -> Vec<[String; HEADS.len()]> {
    backlog.taken.iter().map(row).collect()
}

fn row(taken: &Taken) -> [String; HEADS.len()] {
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1_024.0);
    [
        taken.name.clone(),
        thousands(taken.waiting as f64),
        thousands(taken.took as f64),
        thousands(f64::from(taken.prefetch)),
        thousands(taken.most_unacked as f64),
        format!("{}, {}", mib(taken.early_kib), mib(taken.late_kib)),
        mib(taken.most_kib),
    ]
}
