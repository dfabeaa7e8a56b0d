//! An event: a payload with a name and a version, which together are its contract.

use std::{borrow::Cow, fmt};

use serde::{Serialize, de::DeserializeOwned};

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
/// ```ignore
/// #[derive(Serialize, Deserialize, Event)]
/// #[event(type = "payment.captured", version = 1)]
/// struct PaymentCaptured {
///     #[event(key)]
///     account: i64,
///     amount_cents: i64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be consumed",
    label = "not an event",
    note = "an event is a struct or an enum with `#[derive(Event)]`, taken by value"
)]
pub trait Event: Sized + Send + 'static {
    /// Every schema that this type can be read from; an enum has several.
    const TYPES: &'static [EventType];

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

/// Why the data of an event could not be read: the path of the field, and what is wrong there; never its value's text
/// in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    path: String,
    problem: String,
}

impl DecodeError {
    /// A mistake at `path`, such as `items[3].price`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
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

/// Reads JSON, and says at which path it is wrong. What `#[derive(Event)]` calls.
#[doc(hidden)]
pub fn decode_json<T: DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(data);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|e| DecodeError::new(e.path().to_string(), e.inner().to_string()))?;
    json.end().map_err(|e| DecodeError::new(".", e.to_string()))?;
    Ok(value)
}

/// Writes JSON. What `#[derive(Event)]` calls.
#[doc(hidden)]
pub fn encode_json<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
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
