//! An event: a payload with a name and a version, which together are its contract.

use std::{borrow::Cow, fmt};

use serde::{Serialize, de::DeserializeOwned};

use crate::{json, printable};

/// The longest path of a mistake; the name of a member can be as long as the data.
const MAX_PATH: usize = 256;

/// The longest description of a mistake.
const MAX_PROBLEM: usize = 512;

/// The name and version of one schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType {
    /// The name on the wire, such as `payment.captured`.
    pub name: &'static str,
    /// Counts from 1.
    pub version: u32,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name, self.version)
    }
}

/// The payload of a message. Derive it: `#[derive(Event)]` on a struct, or on an enum of such structs.
///
/// By hand it is for data that is no JSON:
///
/// ```
/// use consumer_core::event::{DecodeError, EncodeError, Event, EventType};
///
/// struct Measured {
///     celsius: i64,
/// }
///
/// impl Event for Measured {
///     const TYPES: &'static [EventType] = &[EventType { name: "sensor.measured", version: 1 }];
///     const CONTENT_TYPE: &'static str = "text/plain";
///
///     fn decode(_: EventType, data: &[u8]) -> Result<Self, DecodeError> {
///         let number = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok());
///         number.map(|celsius| Self { celsius }).ok_or_else(|| DecodeError::new(".", "not a number"))
///     }
///
///     fn encode(&self) -> Result<Vec<u8>, EncodeError> {
///         Ok(self.celsius.to_string().into_bytes())
///     }
///
///     fn event_type(&self) -> EventType {
///         Self::TYPES[0]
///     }
/// }
///
/// let event = Measured::decode(Measured::TYPES[0], b"21")?;
/// assert_eq!(event.celsius, 21);
/// # Ok::<(), DecodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "not an event",
    note = "an event is a struct or an enum with `#[derive(Event)]`"
)]
pub trait Event: Sized + Send + 'static {
    /// Every schema that this type can be read from; an enum has several.
    const TYPES: &'static [EventType];

    /// The MIME type of what [`Event::encode`] writes.
    const CONTENT_TYPE: &'static str = "application/json";

    /// Whether [`Event::key`] can give one: what has none goes to whoever is free.
    #[doc(hidden)]
    const KEYED: bool = true;

    /// Reads the data of an event of type `event_type`, which is one of [`Self::TYPES`].
    ///
    /// # Errors
    /// Which field is wrong, and why. The message goes to the dead-letter queue: the same bytes never become right.
    fn decode(event_type: EventType, data: &[u8]) -> Result<Self, DecodeError>;

    /// Writes the data, as [`Event::decode`] reads it.
    ///
    /// # Errors
    /// What cannot be serialised.
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;

    /// The schema of this value.
    fn event_type(&self) -> EventType;

    /// The id in the body: the field marked `#[event(id)]`.
    fn id(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// The entity whose timeline this event belongs to: the field marked `#[event(key)]`.
    fn key(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// Why the data of an event could not be read: the path of the field, and what is wrong there.
///
/// It ends up in logs and in the headers of a dead letter, so it is one line, not too long, and never repeats the value:
/// a wrong account number stays in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    path: String,
    problem: String,
}

impl DecodeError {
    /// A mistake at `path`, such as `items[3].price`. Who writes one keeps the value out of `problem`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: printable::plain(&path.into(), MAX_PATH),
            problem: printable::plain(&problem.into(), MAX_PROBLEM),
        }
    }

    /// An event that none of the variants of an enum can be read from.
    #[doc(hidden)]
    pub fn unknown_type(event_type: EventType) -> Self {
        Self::new(".", format!("no variant is read from `{event_type}`"))
    }

    /// Where in the data; `.` is its root.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at `{}`: {}", self.path, self.problem)
    }
}

impl std::error::Error for DecodeError {}

/// Why an event could not be written.
#[derive(Debug)]
pub struct EncodeError(serde_json::Error);

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event cannot be written as JSON")
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// A field that can be an event's id or key.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id or the key of an event",
    label = "does not implement `Display`",
    note = "id and key are compared as text: a field that is one implements `Display`, and the same value always \
            gives the same text"
)]
pub trait Text {
    /// Its text.
    fn text(&self) -> Cow<'_, str>;
}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display> Text for T {
    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

/// An event whose data can be read.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from JSON",
    label = "does not implement `Deserialize`",
    note = "the data of an event arrives as JSON: add `#[derive(Deserialize)]`"
)]
pub trait Read: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Read for T {}

/// An event whose data can be written.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as JSON",
    label = "does not implement `Serialize`",
    note = "the data of an event is published as JSON: add `#[derive(Serialize)]`"
)]
pub trait Write: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Write for T {}

/// Reads JSON, and says at which path it is wrong. What `#[derive(Event)]` calls.
#[doc(hidden)]
pub fn decode_json<T: Read>(data: &[u8]) -> Result<T, DecodeError> {
    json::read(data).map_err(|mistake| DecodeError::new(mistake.path, mistake.problem))
}

/// Writes JSON. What `#[derive(Event)]` calls.
#[doc(hidden)]
pub fn encode_json<T: Write>(value: &T) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(value).map_err(EncodeError)
}

/// The types of several events in one list. What `#[derive(Event)]` on an enum calls.
///
/// # Panics
/// While compiling, if two of them have the same name and version: the enum could not tell them apart.
#[doc(hidden)]
#[track_caller]
pub const fn join<const N: usize>(parts: &[&'static [EventType]]) -> [EventType; N] {
    let mut all = [EventType { name: "", version: 0 }; N];
    let (mut part, mut filled) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            all[filled] = parts[part][i];
            let mut earlier = 0;
            while earlier < filled {
                assert!(
                    !same(all[earlier], all[filled]),
                    "two variants of this enum have the same event type and version; \
                     a message could not tell which one is meant: rename one or raise its version"
                );
                earlier += 1;
            }
            filled += 1;
            i += 1;
        }
        part += 1;
    }
    all
}

const fn same(a: EventType, b: EventType) -> bool {
    let (x, y) = (a.name.as_bytes(), b.name.as_bytes());
    if a.version != b.version || x.len() != y.len() {
        return false;
    }
    let mut i = 0;
    while i < x.len() {
        if x[i] != y[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how they are read matters")]
    struct Payment {
        amount: i64,
        #[serde(default)]
        id: Option<Uuid>,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        iban: Option<Iban>,
        #[serde(default)]
        notes: BTreeMap<String, i64>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only how it is read matters")]
    struct Line {
        price: u32,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        Card,
        Cash,
    }

    /// A type with an error text of its own, which repeats what it was given.
    #[derive(Debug)]
    struct Iban;

    impl<'de> Deserialize<'de> for Iban {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("no bank knows {text}, or '{}'", &text)))
        }
    }

    fn mistake(data: impl AsRef<[u8]>) -> String {
        decode_json::<Payment>(data.as_ref()).expect_err("it cannot be read").to_string()
    }

    #[test]
    fn a_mistake_is_found_by_its_path() {
        for (data, told) in [
            ("", "at `.`: there is no data"),
            ("{}", "at `.`: missing field `amount`"),
            (r#"{"amount":1} {}"#, "at `.`: trailing characters"),
            (r#"{"amount":1,"amount":2}"#, "duplicate field `amount`"),
            (
                r#"{"amount":1,"lines":[{"price":1},{"price":-5}]}"#,
                "at `lines[1].price`: invalid value: integer, expected u32",
            ),
            (r#"{"amount":1"#, "EOF while parsing an object"),
            ("nonsense", "at `.`: expected ident"),
            (r#"{"amount":1.5}"#, "at `amount`: invalid type: floating point, expected i64"),
            (r#"{"amount":1,"extra":2}"#, "unknown field `extra`"),
            (r#"{"amount":null}"#, "at `amount`: invalid type: null, expected i64"),
            (r#"{"amount":[4711]}"#, "at `amount`: invalid type: sequence, expected i64"),
        ] {
            let mistake = mistake(data);
            assert!(mistake.contains(told), "{mistake}");
        }
        assert!(mistake(b"{\"amount\":\"\xff\"}").starts_with("at `amount`: "));
    }

    #[test]
    fn a_mistake_never_repeats_the_value() {
        for data in [
            r#"{"amount":"s3cret"}"#,
            r#"{"amount":"s3cret, expected \"s3cret\""}"#,
            r#"{"amount":1,"kind":"s3cret"}"#,
            r#"{"amount":1,"kind":"s3cret`, expected one of `s3cret"}"#,
            r#"{"amount":1,"id":"s3cret-s3cret"}"#,
            r#"{"amount":1,"iban":"s3cret"}"#,
            r#"{"amount":1,"iban":"s3\u0063ret and more"}"#,
            r#"{"amount":1,"notes":"s3cret"}"#,
        ] {
            let mistake = mistake(data);
            assert!(!mistake.contains("s3cret"), "{mistake}");
        }
        assert!(!mistake(r#"{"amount":47110815.5}"#).contains("4711"));
        assert!(mistake(r#"{"amount":1,"iban":"AT99"}"#).contains("at `iban`: no bank knows …, or '…'"));
    }

    #[test]
    fn values_are_withheld_from_large_data_too() {
        let data = format!(r#"{{"amount":1,"notes":{{"a":"{}"}},"iban":"s3cret"}}"#, "x".repeat(100_000));
        let data = data.replace(r#""a":"x"#, r#""a":1,"b":"#);
        assert!(!mistake(data).contains("s3cret"));
        let large = format!(r#"{{"amount":1{},"iban":"s3cret"}}"#, " ".repeat(100_000));
        assert_eq!(mistake(large), "at `iban`: the type does not accept this value");
    }

    #[test]
    fn depth_is_an_error_and_no_overflow() {
        for (open, close) in [("[", "]"), ("{\"lines\":", "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            assert!(decode_json::<serde_json::Value>(deep.as_bytes()).is_err());
            assert!(decode_json::<Payment>(deep.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_path_is_short_and_safe_to_print() {
        let name = format!("\\u001b[31m{}", "k".repeat(100_000));
        let mistake = mistake(format!(r#"{{"amount":1,"notes":{{"{name}":"x"}}}}"#));
        assert!(mistake.len() < 400 && mistake.starts_with("at `notes.kkk"), "{mistake}");
        assert!(mistake.contains("bytes cut]"));
    }
}
