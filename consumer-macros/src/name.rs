//! A name that databases keep things under.

use syn::LitStr;

use crate::mistake::Mistakes;

/// What the databases' columns for names take.
const LONGEST: usize = 64;

/// Whether it can be kept; `whose` it is, and what is kept under it.
pub(crate) fn check(text: &LitStr, whose: &str, under_it: &str, mistakes: &mut Mistakes) {
    let value = text.value();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let wrong = if value.is_empty() {
        format!("is not empty: {under_it}; write a word that will outlive the function's name")
    } else if !value.chars().all(is_plain) {
        let meant = plain(&value);
        format!(
            "has only `a-z`, `0-9`, `.`, `_` and `-`: it is compared byte by byte in every database, and is part of an \
             environment variable; write `{meant}`"
        )
    } else if value.len() > LONGEST {
        let bytes = value.len();
        format!(
            "has at most {LONGEST} bytes, this one has {bytes}: the databases' column takes no more; shorten it"
        )
    } else {
        return;
    };
    mistakes.add(text, format!("{whose} {wrong}"));
}

/// The name that somebody may have meant.
fn plain(name: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c) => c,
        _ => '-',
    };
    name.trim().chars().map(plain).collect()
}
