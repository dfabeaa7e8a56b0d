//! The tables, as cells, and as a terminal shows them.

use super::{
    ids::Ids,
    pace::Times,
    rate::median,
    results::{Growth, Measured, Results},
    retention::Retention,
};
use crate::report::{NOTHING, aligned, thousands};

/// The heads of the table of sizes.
pub(super) const GROWTH: [&str; 8] = [
    "ids",
    "rows",
    "rows after",
    "one by one/s",
    "batches of 64/s",
    "duplicates/s",
    "table bytes/row",
    "index bytes/row",
];

/// The heads of the table of sweeps.
pub(super) const SWEEPS: [&str; 9] = [
    "ids",
    "swept",
    "units/s",
    "p50 ms",
    "p99 ms",
    "max ms",
    "rows swept",
    "rows swept/s",
    "slowest sweep ms",
];

/// One line for each size.
pub(super) fn growth(results: &Results) -> Vec<[String; GROWTH.len()]> {
    let lines = |measured: &Measured| {
        let ids = measured.ids;
        measured.growth.iter().map(move |growth| size(ids, growth)).collect::<Vec<_>>()
    };
    results.measured.iter().flat_map(lines).collect()
}

fn size(ids: Ids, growth: &Growth) -> [String; GROWTH.len()] {
    let rate = |rates: &[f64]| median(rates).map_or_else(|| NOTHING.to_owned(), thousands);
    let per_row = |bytes: u64| format!("{:.1}", bytes as f64 / growth.after as f64);
    [
        ids.to_string(),
        thousands(growth.before as f64),
        thousands(growth.after as f64),
        rate(&growth.rates.one),
        rate(&growth.rates.batch),
        rate(&growth.rates.duplicates),
        per_row(growth.size.table),
        per_row(growth.size.indexes),
    ]
}

/// Two lines for each kind of ids.
pub(super) fn sweeps(results: &Results) -> Vec<[String; SWEEPS.len()]> {
    let swept = results.measured.iter().filter_map(|one| Some((one.ids, one.retention.as_ref()?)));
    swept.flat_map(|(ids, retention)| sweep(ids, retention)).collect()
}

fn sweep(ids: Ids, retention: &Retention) -> [[String; SWEEPS.len()]; 2] {
    let swept = &retention.swept;
    let done = [
        thousands(swept.rows as f64),
        thousands(swept.rows as f64 / swept.seconds),
        format!("{:.1}", swept.slowest_us as f64 / 1_000.0),
    ];
    let what = if swept.is_whole { "all that is old" } else { "as far as it came" };
    [
        units(ids, "nothing", &retention.quiet, [NOTHING; 3].map(str::to_owned)),
        units(ids, what, &retention.sweeping, done),
    ]
}

fn units(ids: Ids, what: &str, times: &Times, [rows, rate, slowest]: [String; 3]) -> [String; SWEEPS.len()] {
    let ms = |us: u64| format!("{:.1}", us as f64 / 1_000.0);
    let [p50, p99, max] = [times.p50_us, times.p99_us, times.max_us].map(ms);
    [ids.to_string(), what.to_owned(), thousands(times.per_second), p50, p99, max, rows, rate, slowest]
}

/// Both, for a terminal.
pub fn tables(results: &Results) -> String {
    format!(
        "\n{}, {}\n\n{}\n{}\nother processes used {:.0} % of the machine meanwhile\n",
        results.backend,
        results.memory,
        aligned(&GROWTH, growth(results)),
        aligned(&SWEEPS, sweeps(results)),
        results.others * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::{database::Size, rate::Rates, retention::Sweep},
        *,
    };

    #[test]
    fn bytes_are_those_of_a_row_and_rates_are_medians() {
        let rates = Rates { one: vec![9.0, 1.0, 5.0], batch: vec![64_000.0], duplicates: Vec::new() };
        let growth =
            Growth { before: 0, after: 2_000, rates, size: Size { table: 150_000, indexes: 99_000 } };
        assert_eq!(
            size(Ids::Uuid7, &growth),
            ["uuid7", "0", "2,000", "5", "64,000", NOTHING, "75.0", "49.5"].map(str::to_owned)
        );
    }

    #[test]
    fn a_sweep_is_beside_what_it_is_compared_with() {
        let times = |us| Times { units: 9, p50_us: us, p99_us: 2 * us, max_us: 3 * us, per_second: 500.0 };
        let swept = Sweep { rows: 1_000, seconds: 0.5, slowest_us: 4_200, is_whole: true };
        let retention = Retention { pace: 500.0, quiet: times(1_000), sweeping: times(2_000), swept };
        let lines = sweep(Ids::Text, &retention);
        assert_eq!(lines[0], ["text", "nothing", "500", "1.0", "2.0", "3.0", NOTHING, NOTHING, NOTHING]);
        assert_eq!(lines[1][2..], ["500", "2.0", "4.0", "6.0", "1,000", "2,000", "4.2"]);
    }
}
