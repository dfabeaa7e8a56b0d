//! Text from strangers, made safe for a log line, a header or a column.

/// Room for the note that says how much was cut.
const NOTE: usize = 32;

/// As much of a stranger's text as a message repeats.
const EXCERPT: usize = 64;

/// Whether a character does something other than show itself: controls, and what reorders or hides text.
///
/// The list is fixed, and not taken from the compiler's Unicode tables: [`escape`] writes ids that a later build compares.
fn is_hazard(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether the text holds nothing but characters that show themselves.
pub(crate) fn is_safe(text: &str) -> bool {
    !text.contains(is_hazard)
}

/// Appends `text` so that no two texts read alike: hazards, spaces and the backslash are escaped.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ' ' => out.extend(c.escape_unicode()),
            c if is_hazard(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

/// The beginning of `text`, escaped: enough to recognise it by.
pub(crate) fn excerpt(text: &str) -> String {
    let end = text.floor_char_boundary(EXCERPT);
    let mut excerpt = String::new();
    escape(&text[..end], &mut excerpt);
    if end < text.len() {
        excerpt.push('…');
    }
    excerpt
}

/// `text` on one line, without colours and hazards, in at most `limit` bytes; says how much was cut.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = next_shown(&mut rest) {
        if plain.len() + c.len_utf8() > limit {
            return cut(plain, limit, c.len_utf8() + rest.len());
        }
        plain.push(c);
    }
    plain
}

/// Makes room for the note; `dropped` bytes are gone already.
fn cut(mut plain: String, limit: usize, dropped: usize) -> String {
    let end = plain.floor_char_boundary(limit.saturating_sub(NOTE));
    let note = format!("… [{} bytes cut]", plain.len() - end + dropped);
    plain.truncate(end);
    if end + note.len() <= limit {
        plain.push_str(&note);
    }
    plain
}

/// The next character to show; line breaks and tabs become spaces.
fn next_shown(rest: &mut &str) -> Option<char> {
    loop {
        let c = rest.chars().next()?;
        *rest = &rest[c.len_utf8()..];
        match c {
            '\n' | '\r' | '\t' => return Some(' '),
            '\u{1b}' => *rest = after_colour(rest),
            c if is_hazard(c) => {}
            c => return Some(c),
        }
    }
}

/// What follows an escape character and the terminal command it begins, if it begins one.
fn after_colour(rest: &str) -> &str {
    let Some(command) = rest.strip_prefix('[') else { return rest };
    let end = command.trim_start_matches(|c| matches!(c, '\u{20}'..='\u{3f}'));
    end.strip_prefix(|c| matches!(c, '\u{40}'..='\u{7e}')).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(text, &mut out);
        out
    }

    #[test]
    fn escape_keeps_texts_apart() {
        assert_eq!(escaped("a\0b"), "a\\u{0}b");
        assert_eq!(escaped("a\\u{0}b"), "a\\\\u{0}b");
        assert_eq!(escaped("abc "), "abc\\u{20}");
        assert_eq!(escaped("\u{202e}\u{1b}[31mé"), "\\u{202e}\\u{1b}[31mé");
    }

    #[test]
    fn plain_text_has_no_colour_and_no_line_break() {
        assert_eq!(plain("\u{1b}[1;31mred\u{1b}[0m\nnext\u{202e}\0", 99), "red next");
        assert_eq!(plain("\u{1b}[", 99), "");
        assert_eq!(plain("\u{9b}31mC1", 99), "31mC1");
    }

    #[test]
    fn a_cut_says_how_much_and_falls_between_characters() {
        let text = "é".repeat(500);
        let plain = plain(&text, 101);
        assert!(plain.len() <= 101, "{plain}");
        let (kept, note) = plain.split_once('…').expect("a note");
        assert_eq!(note, format!(" [{} bytes cut]", text.len() - kept.len()));
    }

    #[test]
    fn no_limit_is_too_small() {
        for limit in 0..64 {
            assert!(plain(&"é".repeat(500), limit).len() <= limit);
        }
    }
}
