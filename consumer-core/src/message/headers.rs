//! The application headers of a message: a table of typed values.

use std::collections::BTreeMap;

use bytes::Bytes;

/// How deep a table may nest before its inner part is left out of [`Headers`].
///
/// No publisher needs more than a handful; every level is a stack frame for whoever walks the value.
pub const MAX_HEADER_DEPTH: usize = 32;

/// A value of an AMQP field table, with RabbitMQ's types
/// (<https://www.rabbitmq.com/docs/specification#amqp-0-9-1-errata>).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HeaderValue {
    /// `V`: no value.
    Void,
    /// `t`
    Bool(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s`
    I16(i16),
    /// `u`
    U16(u16),
    /// `I`
    I32(i32),
    /// `i`
    U32(u32),
    /// `l`
    I64(i64),
    /// `f`
    F32(f32),
    /// `d`
    F64(f64),
    /// `D`: `value / 10^scale`.
    Decimal {
        /// Digits behind the point.
        scale: u8,
        /// The digits.
        value: u32,
    },
    /// `S` with valid UTF-8.
    Text(String),
    /// `x`, or `S` with bytes that are not UTF-8.
    Bytes(Bytes),
    /// `T`: seconds since the Unix epoch.
    Timestamp(u64),
    /// `A`
    Array(Vec<HeaderValue>),
    /// `F`
    Table(BTreeMap<String, HeaderValue>),
}

impl HeaderValue {
    /// The text of a [`HeaderValue::Text`].
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of any integer type, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::I8(n) => Some(n.into()),
            Self::U8(n) => Some(n.into()),
            Self::I16(n) => Some(n.into()),
            Self::U16(n) => Some(n.into()),
            Self::I32(n) => Some(n.into()),
            Self::U32(n) => Some(n.into()),
            Self::I64(n) => Some(n),
            _ => None,
        }
    }

    /// Its size on the wire, with the byte that names its type.
    fn encoded_len(&self) -> usize {
        1 + match self {
            Self::Void => 0,
            Self::Bool(_) | Self::I8(_) | Self::U8(_) => 1,
            Self::I16(_) | Self::U16(_) => 2,
            Self::I32(_) | Self::U32(_) | Self::F32(_) => 4,
            Self::Decimal { .. } => 5,
            Self::I64(_) | Self::F64(_) | Self::Timestamp(_) => 8,
            Self::Text(text) => 4 + text.len(),
            Self::Bytes(bytes) => 4 + bytes.len(),
            Self::Array(values) => 4 + values.iter().map(Self::encoded_len).sum::<usize>(),
            Self::Table(table) => table_len(table),
        }
    }
}

/// The size on the wire of a table without the byte that names its type.
fn table_len(table: &BTreeMap<String, HeaderValue>) -> usize {
    4 + table.iter().map(|(name, value)| Headers::entry_len(name, value)).sum::<usize>()
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for HeaderValue {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

/// The application headers of a message, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(BTreeMap<String, HeaderValue>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `name`; names are compared byte for byte.
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.get(name)
    }

    /// The text under `name`, if there is one and it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(HeaderValue::as_str)
    }

    /// Sets `name`, and returns what was there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Option<HeaderValue> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<HeaderValue> {
        self.0.remove(name)
    }

    /// All headers, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Their size on the wire.
    pub(super) fn encoded_len(&self) -> usize {
        table_len(&self.0)
    }

    /// The size of one of them on the wire.
    pub(super) fn entry_len(name: &str, value: &HeaderValue) -> usize {
        1 + name.len() + value.encoded_len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, HeaderValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, HeaderValue)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl IntoIterator for Headers {
    type Item = (String, HeaderValue);
    type IntoIter = std::collections::btree_map::IntoIter<String, HeaderValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
