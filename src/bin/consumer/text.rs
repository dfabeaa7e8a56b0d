//! Text from strangers, and figures, as a terminal shows them.

use std::time::Duration;

use serde_json::{Value, json};

/// The units of an age, the largest first, in seconds.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// On one line, without what moves a cursor or turns the direction of writing; at most `most` characters.
pub fn line(text: &str, most: usize) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: Vec<char> = shown.filter(|&c| !turns(c)).collect();
    if shown.len() > most {
        shown.truncate(most.saturating_sub(1));
        shown.push('…');
    }
    shown.into_iter().collect()
}

fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `3 d 4 h`: the two largest units that are not nothing.
pub fn age(age: Duration) -> String {
    let mut rest = age.as_secs();
    let mut parts = Vec::new();
    for (seconds, name) in UNITS {
        let whole = rest / seconds;
        rest %= seconds;
        match (whole, parts.is_empty()) {
            (0, true) => {}
            (0, false) => break,
            _ => parts.push(format!("{whole} {name}")),
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// `1 letter`, `2 letters`.
pub fn letters(count: u64) -> String {
    format!("{count} {}", if count == 1 { "letter" } else { "letters" })
}

/// Bytes, hidden unless they are to be revealed.
pub fn bytes(bytes: &[u8], reveal: bool) -> String {
    match reveal {
        true => line(&String::from_utf8_lossy(bytes), usize::MAX),
        false => format!("{} bytes, shown by --reveal", bytes.len()),
    }
}

/// Bytes for programs: JSON as it is, anything else as text.
pub fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_stranger_does_not_move_the_cursor() {
        assert_eq!(line("no\n\u{1b}[2Jsuch\u{202e} card", 99), "no  [2Jsuch card");
        assert_eq!(line("abcdef", 4), "abc…");
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let of = |secs| age(Duration::from_secs(secs));
        assert_eq!([of(0), of(59), of(60), of(3_661)], ["0 s", "59 s", "1 min", "1 h 1 min"]);
        assert_eq!([of(86_400), of(90_061), of(86_405)], ["1 d", "1 d 1 h", "1 d"]);
    }

    #[test]
    fn bytes_are_hidden_unless_they_are_to_be_seen() {
        assert_eq!(bytes(b"\"canary\"", false), "8 bytes, shown by --reveal");
        assert_eq!(bytes(b"\"canary\"", true), "\"canary\"");
    }
}
