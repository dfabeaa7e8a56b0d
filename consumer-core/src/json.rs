//! JSON that says at which path it is wrong, without repeating the values it holds.

use serde::Deserialize;
use serde_json::{Value, error::Category};

/// Above this size nobody looks which words of an error text come from the data: the text is withheld.
const MAX_SEARCHED: usize = 64 * 1024;

/// Values shorter than this are left in an error text: they are parts of words, and give nothing away.
const MIN_VALUE: usize = 3;

/// Where JSON is wrong, and what is wrong there.
pub(crate) struct Mistake {
    pub(crate) path: String,
    pub(crate) problem: String,
}

/// Reads `data` to its end.
///
/// The path costs an allocation for each key, so it is looked for on a second reading, once the first has failed.
pub(crate) fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Mistake> {
    // Of a text, serde_json does not ask at each string whether it is one.
    let read = match std::str::from_utf8(data) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(data),
    };
    read.map_err(|error| locate::<T>(data, &error))
}

fn locate<'a, T: Deserialize<'a>>(data: &'a [u8], error: &serde_json::Error) -> Mistake {
    if data.is_empty() {
        return Mistake { path: ".".to_owned(), problem: "there is no data".to_owned() };
    }
    let mut json = serde_json::Deserializer::from_slice(data);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(error) => Mistake { path: error.path().to_string(), problem: problem(error.inner(), data) },
        Ok(_) => Mistake { path: ".".to_owned(), problem: problem(error, data) },
    }
}

/// What serde_json says, without the value it says it of.
fn problem(error: &serde_json::Error, data: &[u8]) -> String {
    let text = error.to_string();
    match error.classify() {
        Category::Data => without_value(&text).unwrap_or_else(|| withhold(&text, data)),
        Category::Io | Category::Syntax | Category::Eof => text,
    }
}

/// The texts of serde's own errors; `None` for the words of somebody's `Deserialize`.
fn without_value(text: &str) -> Option<String> {
    for mistake in ["invalid type: ", "invalid value: "] {
        if let Some((value, expected)) = split(text, mistake) {
            return Some(format!("{mistake}{}, expected {expected}", kind(value)));
        }
    }
    if let Some((_, expected)) = split(text, "unknown variant ") {
        return Some(format!("unknown variant, expected {expected}"));
    }
    // What these name comes from the type, or is the name of a member.
    let names = ["missing field ", "unknown field ", "duplicate field ", "invalid length "];
    names.iter().any(|start| text.starts_with(start)).then(|| text.to_owned())
}

/// What stands before and behind the last `expected`: the value in front may hold that word too.
fn split<'t>(text: &'t str, mistake: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(mistake)?.rsplit_once(", expected ")
}

/// The kind of value that serde names in front of the value itself.
fn kind(value: &str) -> &'static str {
    const KINDS: [&str; 8] =
        ["string", "integer", "floating point", "boolean", "null", "sequence", "map", "character"];
    KINDS.into_iter().find(|kind| value.starts_with(kind)).unwrap_or("another value")
}

/// `text` without the values that occur in the data.
fn withhold(text: &str, data: &[u8]) -> String {
    let values = if data.len() <= MAX_SEARCHED { serde_json::from_slice(data).ok() } else { None };
    let Some(values) = values else { return "the type does not accept this value".to_owned() };
    let mut found = Vec::new();
    collect(&values, text, &mut found);
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found.iter().fold(text.to_owned(), |text, value| text.replace(value, "…"))
}

fn collect(value: &Value, text: &str, found: &mut Vec<String>) {
    match value {
        Value::String(value) => note(value, text, found),
        Value::Number(value) => note(&value.to_string(), text, found),
        Value::Array(values) => values.iter().for_each(|value| collect(value, text, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, text, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn note(value: &str, text: &str, found: &mut Vec<String>) {
    if value.len() >= MIN_VALUE && text.contains(value) {
        found.push(value.to_owned());
    }
}
