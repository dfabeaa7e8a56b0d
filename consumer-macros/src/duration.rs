//! Durations as people write them: `"500ms"`, `"30s"`, `"5m"`, `"1h"`.

use std::time::Duration;

use syn::LitStr;

use crate::mistake::Mistakes;

/// What a duration looks like, for those who wrote another.
pub(crate) const GRAMMAR: &str =
    "a duration is a whole number and a unit, without a space: \"500ms\", \"30s\", \"5m\" or \"1h\"";

/// Reads one; what is none is a mistake.
pub(crate) fn check(text: &LitStr, mistakes: &mut Mistakes) -> Option<Duration> {
    let duration = parse(&text.value());
    if duration.is_none() {
        mistakes.add(text, format!("this is no duration: {GRAMMAR}"));
    }
    duration
}

/// Reads one; `None` if it is no duration.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn reads_each_unit() {
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse("5m"), Some(Duration::from_secs(300)));
        assert_eq!(parse("1h"), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", "30", "s", "30 s", "1.5s", "-1s", "30sec", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
