//! One line of a table, as text.

use crate::{
    contestants::Side,
    results::{Figure, Results, Spread},
};

/// The heads of the columns.
pub(super) const HEADS: [&str; 11] = [
    "",
    "messages/s",
    "min–max",
    "× best per message",
    "× textbook",
    "client µs",
    "database µs",
    "broker µs",
    "p50 ms",
    "p95 ms",
    "p99 ms",
];

/// What stands where there is nothing to say.
pub(crate) const NOTHING: &str = "–";

/// The cells of a figure.
pub(super) fn row(results: &Results, figure: &Figure) -> [String; HEADS.len()] {
    let rate = figure.rate();
    let to = |other: Option<&Figure>| other.and_then(|other| figure.ratio(other)).map(ratio);
    let cpu = |part: Option<f64>| part.map(|us| format!("{us:.0}"));
    let late = |pick: fn(&crate::results::Latency) -> u64| {
        figure.latency.as_ref().map(|latency| format!("{:.1}", pick(latency) as f64 / 1_000.0))
    };
    let cells = [
        Some(figure.name.clone()),
        rate.map(|rate| thousands(rate.median)),
        rate.map(|rate| format!("{}–{}", thousands(rate.min), thousands(rate.max))),
        to(results.baseline()),
        to(results.textbook()),
        cpu(figure.median(|sample| Some(sample.client_us)).filter(|us| *us > 0.0)),
        cpu(figure.median(|sample| sample.database_us)).filter(|_| has_database(figure)),
        cpu(figure.median(|sample| sample.broker_us)),
        late(|latency| latency.p50_us),
        late(|latency| latency.p95_us),
        late(|latency| latency.p99_us),
    ];
    cells.map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()))
}

/// A database that has nothing to do uses a little all the same.
fn has_database(figure: &Figure) -> bool {
    figure.side != Side::Ceiling || figure.median(|sample| sample.broker_us).is_none()
}

/// A ratio, as precise as it is.
pub(super) fn ratio(spread: Spread) -> String {
    let digits = if spread.median < 10.0 { 2 } else { 1 };
    format!("{:.digits$}", spread.median)
}

/// A whole number with its thousands set apart.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let groups = (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups);
    groups.collect::<Vec<_>>().join(",")
}

/// Which part of the machine other processes used, as a median over all rounds.
pub(super) fn others(results: &Results) -> Option<f64> {
    let samples = results.figures.iter().flat_map(|figure| &figure.samples);
    Spread::of(samples.map(|sample| sample.others)).map(|spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(12.0), "12");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }

    #[test]
    fn a_large_ratio_has_no_hundredths() {
        let of = |value| ratio(Spread { min: value, median: value, max: value });
        assert_eq!((of(0.987), of(25.04)), ("0.99".to_owned(), "25.0".to_owned()));
    }
}
