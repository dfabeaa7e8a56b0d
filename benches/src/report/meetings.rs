//! What happens where workers meet at the same rows: a table of its own.

use super::row::{NOTHING, ratio, thousands};
use crate::{
    contestants::{IN_LANES, SINGLE_TWICE},
    results::{Figure, Results},
};

/// The heads of its columns.
pub(super) const HEADS: [&str; 5] =
    ["", "messages/s", "× per message, two runtimes", "deadlocks", "batches undone"];

/// Its rows; none if nobody was there to meet.
pub(super) fn rows(results: &Results) -> Vec<[String; HEADS.len()]> {
    let meeting: Vec<_> = results.figures.iter().filter(|figure| figure.meets).collect();
    if meeting.is_empty() {
        return Vec::new();
    }
    let beside = results.figures.iter().filter(|figure| figure.name == IN_LANES);
    beside.chain(meeting).map(|figure| row(results, figure)).collect()
}

fn row(results: &Results, figure: &Figure) -> [String; HEADS.len()] {
    let single = results.figures.iter().find(|figure| figure.name == SINGLE_TWICE);
    let or_nothing = |cell: Option<String>| cell.unwrap_or_else(|| NOTHING.to_owned());
    [
        figure.name.clone(),
        or_nothing(figure.rate().map(|rate| thousands(rate.median))),
        or_nothing(single.and_then(|single| figure.ratio(single)).map(ratio)),
        thousands(figure.sum(|sample| sample.deadlocks) as f64),
        thousands(figure.sum(|sample| sample.undone) as f64),
    ]
}
