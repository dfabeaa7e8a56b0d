//! The table on the terminal.

use super::{
    meetings,
    row::{HEADS, others, row},
};
use crate::results::Results;

/// One line for each contestant.
pub fn table(results: &Results) -> String {
    let rows = results.compared().map(|figure| row(results, figure));
    let mut text = format!("\n{}, {} queues\n\n", results.title(), results.queue_kind.as_str());
    text.push_str(&aligned(&HEADS, rows));
    let meeting = meetings::rows(results);
    if !meeting.is_empty() {
        text.push('\n');
        text.push_str(&aligned(&meetings::HEADS, meeting));
    }
    let share = others(results).unwrap_or_default() * 100.0;
    text.push_str(&format!("\nother processes used {share:.0} % of the machine meanwhile (median)\n"));
    text
}

/// A table of a terminal; all but the first column are figures.
pub(crate) fn aligned<const N: usize>(
    heads: &[&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let lines: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let width = |at: usize| lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..N).map(width).collect();
    let mut text = String::new();
    for cells in &lines {
        let first = format!("{:<1$}", cells[0], widths[0]);
        let rest = cells.iter().zip(&widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        text.push_str(&first);
        text.extend(rest);
        text.push('\n');
    }
    text
}
