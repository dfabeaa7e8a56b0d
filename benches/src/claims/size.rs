//! Numbers of rows, as people write them.

use anyhow::{Context, Result, ensure};

const UNITS: [(&str, u64); 2] = [("m", 1_000_000), ("k", 1_000)];

/// A list such as `0,100k,10m`, in rising order.
///
/// # Errors
/// When it is no such list.
pub fn rows(text: &str) -> Result<Vec<u64>> {
    let rows = text.split(',').map(one).collect::<Result<Vec<_>>>()?;
    ensure!(rows.is_sorted_by(|less, more| less < more), "sizes rise, such as 0,1m,10m");
    Ok(rows)
}

fn one(text: &str) -> Result<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, times)| Some((lower.strip_suffix(unit)?, *times)));
    let (digits, times) = unit.unwrap_or((&lower, 1));
    let number: u64 = digits.parse().with_context(|| format!("`{text}` is no number such as 10m"))?;
    number.checked_mul(times).context("too many")
}

/// Short enough for a line.
pub(super) fn text(rows: u64) -> String {
    match rows {
        0..1_000 => format!("{rows} rows"),
        1_000..1_000_000 => format!("{}k rows", rows / 1_000),
        _ => format!("{:.1}m rows", rows as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(rows("0,1m,10M, 30m").expect("sizes"), [0, 1_000_000, 10_000_000, 30_000_000]);
        assert_eq!(rows("7,100k").expect("sizes"), [7, 100_000]);
        for wrong in ["", "1g", "m", "1m,0", "1m,1m", "-1", "99999999999999999m"] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_is_said_in_short() {
        assert_eq!(
            [0, 1_999, 1_000_000, 12_345_678].map(text),
            ["0 rows", "1k rows", "1.0m rows", "12.3m rows"]
        );
    }
}
