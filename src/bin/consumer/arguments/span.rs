//! A span of time, as people type it.

use std::time::Duration;

/// The units, by what they may be called.
const UNITS: [(&str, u64); 5] = [("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// `90s`, `15min`, `12h` or `7d`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no span of time: a whole number and s, min, h or d is, such as 12h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let seconds = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?.1;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_unit() {
        let seconds = |text| parse(text).map(|span| span.as_secs()).ok();
        assert_eq!(
            ["90s", "15min", "15m", "12h", "7 d"].map(seconds),
            [90, 900, 900, 43_200, 604_800].map(Some)
        );
        assert_eq!(["", "7", "d", "-1d", "1w", "1.5h", "99999999999999999999d"].map(seconds), [None; 7]);
    }
}
