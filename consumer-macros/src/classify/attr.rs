//! What `#[classify(…)]` says.

use std::time::Duration;

use syn::{Attribute, Lit, Path};

use super::model::Says;
use crate::{
    duration,
    entries::{Entries, Keys},
    entry::Entry,
    krate,
    mistake::Mistakes,
};

const KEYS: Keys = Keys::new(&["permanent", "transient", "retry_after"]);
const KEYS_OF_AN_ITEM: Keys = Keys::new(&["permanent", "transient", "retry_after", "crate"]);

/// The attribute of an enum or a struct.
pub(crate) struct Attr {
    pub(crate) krate: Path,
    /// The class, and the entry that says so.
    pub(crate) says: Option<Says<'static>>,
    pub(crate) entries: Entries,
}

impl Attr {
    pub(crate) fn parse(attrs: &[Attribute], mistakes: &mut Mistakes) -> Self {
        let entries = Entries::of(attrs, "classify", KEYS_OF_AN_ITEM, mistakes);
        let krate = krate::path(&entries, mistakes);
        Self { krate, says: class(&entries, mistakes), entries }
    }
}

/// The class that a variant's attribute names.
pub(crate) fn variant(attrs: &[Attribute], mistakes: &mut Mistakes) -> Option<Says<'static>> {
    class(&Entries::of(attrs, "classify", KEYS, mistakes), mistakes)
}

fn class(entries: &Entries, mistakes: &mut Mistakes) -> Option<Says<'static>> {
    let mut classes = entries.iter().filter(|entry| entry.key != "crate");
    let first = classes.next()?;
    for second in classes {
        let text = format!(
            "an error has one class: it decides what becomes of the message; keep `{}` or `{}`",
            first.key, second.key
        );
        mistakes.add(&second.key, text);
    }
    match first.name().as_str() {
        "permanent" => mistakes.ok(first.flag()).map(|()| Says::Permanent),
        "transient" => mistakes.ok(first.flag()).map(|()| Says::Transient),
        _ => delay(first, mistakes).map(Says::RetryAfter),
    }
}

fn delay(entry: &Entry, mistakes: &mut Mistakes) -> Option<Duration> {
    let literal = mistakes.ok(entry.literal("30"))?;
    let delay = match &literal.lit {
        Lit::Int(seconds) if seconds.suffix().is_empty() => {
            seconds.base10_parse().ok().map(Duration::from_secs)
        }
        Lit::Str(text) => duration::parse(&text.value()),
        _ => None,
    };
    let delay = delay.filter(|delay| !delay.is_zero());
    if delay.is_none() {
        let text = "`retry_after` is how long the next attempt waits, above zero: a number of seconds, or a duration like \
                    \"500ms\", \"30s\", \"5m\" or \"1h\"; write `retry_after = 30`";
        mistakes.add(&literal, text);
    }
    delay
}
