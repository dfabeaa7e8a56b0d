//! The envelope: what a message says about its event, apart from the event's own data.

use std::fmt;

use bytes::Bytes;

use super::{EventId, HeaderValue, Message, Properties, Reason, cloudevents, traceparent};
use crate::printable;

/// The longest explanation of a rejection; a handler's error, which becomes one, may be as long as its header.
const MAX_DETAIL: usize = super::MAX_ERROR;

/// The longest name of an event type that is worth comparing with those a consumer knows.
const MAX_TYPE: usize = 1024;

/// Correlation and causation are stamped on what a handler publishes, where AMQP gives a property 255 bytes.
const MAX_REFERENCE: usize = 255;

/// The headers of messages that are no CloudEvents.
pub(crate) const VERSION: &str = "x-event-version";
pub(crate) const CAUSATION: &str = "x-causation-id";
pub(crate) const TRACEPARENT: &str = "traceparent";
/// How many events were in the chain that led to this one, which the outbox writes.
pub(crate) const HOPS: &str = "x-consumer-hops";
/// The number of an event within its key, which the relay writes.
pub(crate) const SEQUENCE: &str = "x-event-sequence";

/// Content encodings that compress nothing; the last ones are what publishers write who mean the character set.
const NOT_ENCODED: [&str; 7] = ["", "identity", "binary", "8bit", "us-ascii", "utf8", "utf-8"];

/// Why a delivery cannot even be attempted; it goes to the dead-letter queue with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The machine-readable reason.
    pub reason: Reason,
    /// What a person needs to repair it; never the payload.
    pub detail: String,
}

impl Rejection {
    /// A rejection with its explanation, which is made safe for logs: one line, no control characters, not too long.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: printable::plain(&detail.into(), MAX_DETAIL) }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

/// What a message says about its event. Any publisher can write any of it: apart from the identity nothing is relied on.
///
/// Its `Debug` form leaves the data out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The CloudEvents `id`, else the AMQP `message_id`.
    pub id: Option<String>,
    /// The CloudEvents `source`.
    pub source: Option<String>,
    /// The CloudEvents `type`, else the AMQP `type`.
    pub event_type: Option<String>,
    /// The version of the event's schema, if the publisher says one: the CloudEvents extension `eventversion`, else the
    /// header `x-event-version`.
    pub version: Option<u32>,
    /// The business conversation this event belongs to: the CloudEvents extension `correlationid`, else the AMQP
    /// `correlation_id`.
    pub correlation_id: Option<String>,
    /// The id of the event that caused this one: the CloudEvents extension `causationid`, else the header
    /// `x-causation-id`.
    pub causation_id: Option<String>,
    /// The W3C trace context of the publisher: the CloudEvents extension, else the header `traceparent`. What is not
    /// valid is left out.
    pub traceparent: Option<String>,
    /// How many events led to this one, each published while the one before it was processed: the header
    /// `x-consumer-hops`. Whatever is no count is none.
    pub hops: u32,
    /// The event's data, as received.
    pub data: Bytes,
}

impl Envelope {
    /// Reads the envelope of a message: a CloudEvent in structured mode, else in binary mode, else a plain AMQP message.
    ///
    /// # Errors
    /// What makes the message unreadable for good, for its dead letter.
    pub fn read(message: &Message) -> Result<Self, Rejection> {
        refuse_encoding(&message.properties)?;
        let mut envelope = match cloudevents::read(message)? {
            Some(event) => event,
            None => Self::plain(message),
        };
        envelope.complete(message)?;
        envelope.check()?;
        Ok(envelope)
    }

    fn plain(message: &Message) -> Self {
        Self {
            id: message.properties.message_id.clone(),
            event_type: message.properties.message_type.clone().filter(|name| !name.is_empty()),
            data: message.body.clone(),
            ..Self::default()
        }
    }

    /// Takes from AMQP what no extension says, and leaves out what cannot be true.
    fn complete(&mut self, message: &Message) -> Result<(), Rejection> {
        let header = |name| message.headers.text(name).map(str::to_owned);
        let correlation = || message.properties.correlation_id.clone();
        self.correlation_id = self.correlation_id.take().or_else(correlation).filter(|id| is_reference(id));
        self.causation_id =
            self.causation_id.take().or_else(|| header(CAUSATION)).filter(|id| is_reference(id));
        self.traceparent =
            self.traceparent.take().or_else(|| traceparent::parse(message.headers.text(TRACEPARENT)?));
        let hops = message.headers.get(HOPS).and_then(HeaderValue::as_i64).unwrap_or_default();
        self.hops = u32::try_from(hops.max(0)).unwrap_or(u32::MAX);
        if self.version.is_none() {
            let text = message.headers.get(VERSION).and_then(version_text);
            self.version = text.map(|text| version(&text, VERSION)).transpose()?;
        }
        Ok(())
    }

    /// Refuses what nothing else may ever repeat, because of its size.
    fn check(&self) -> Result<(), Rejection> {
        fits("id", self.id.as_deref().unwrap_or_default())?;
        fits("source", self.source.as_deref().unwrap_or_default())?;
        match self.event_type.as_ref().map_or(0, String::len) {
            0..=MAX_TYPE => Ok(()),
            length => Err(Rejection::new(
                Reason::Undecodable,
                format!("the type is {length} bytes long; at most {MAX_TYPE} are a name"),
            )),
        }
    }

    /// Who the event is: `body_id` is the field marked `#[event(id)]`, `configured_source` what the consumer sets.
    ///
    /// The first road that gives an id decides; an id on a later one never stands in for an empty one. Ids are compared
    /// byte for byte: nothing is trimmed or folded.
    ///
    /// # Errors
    /// [`Reason::MissingId`] where no road gives an id, or where it is empty; [`Reason::BadId`] if it or its source is
    /// longer than [`EventId::MAX_BYTES`].
    pub fn identity(&self, body_id: Option<&str>, configured_source: &str) -> Result<EventId, Rejection> {
        self.clone().take_identity(body_id.map(str::to_owned), configured_source)
    }

    /// As [`identity`](Self::identity), out of what the envelope then has no more.
    pub(crate) fn take_identity(
        &mut self,
        body_id: Option<String>,
        configured_source: &str,
    ) -> Result<EventId, Rejection> {
        let id = body_id.or_else(|| self.id.take()).ok_or_else(|| missing("the message has no id"))?;
        if id.trim().is_empty() {
            return Err(missing("the id of the message is blank"));
        }
        let source = self.source.take().unwrap_or_else(|| configured_source.to_owned());
        fits("id", &id)?;
        fits("source", &source)?;
        Ok(EventId { source, id })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("event_type", &self.event_type)
            .field("version", &self.version)
            .field("correlation_id", &self.correlation_id)
            .field("causation_id", &self.causation_id)
            .field("traceparent", &self.traceparent)
            .field("hops", &self.hops)
            .field("data", &format_args!("{} bytes", self.data.len()))
            .finish()
    }
}

/// Whether a header carries a part of the envelope, so that no copy may lose it.
pub(super) fn is_read(header: &str) -> bool {
    [VERSION, CAUSATION, TRACEPARENT, HOPS].contains(&header) || cloudevents::is_required(header)
}

fn missing(what: &str) -> Rejection {
    let remedy = "set the AMQP property `message_id`, publish a CloudEvent, or mark a field of the event `#[event(id)]`";
    Rejection::new(Reason::MissingId, format!("{what}; {remedy}"))
}

fn fits(what: &str, text: &str) -> Result<(), Rejection> {
    if text.len() <= EventId::MAX_BYTES {
        return Ok(());
    }
    let detail = format!("the {what} is {} bytes long; the limit is {}", text.len(), EventId::MAX_BYTES);
    Err(Rejection::new(Reason::BadId, detail))
}

fn refuse_encoding(properties: &Properties) -> Result<(), Rejection> {
    let encoding = properties.content_encoding.as_deref().unwrap_or_default().trim();
    if NOT_ENCODED.iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let shown = printable::excerpt(encoding);
    let detail = format!("the content encoding `{shown}` is not supported; publish the body as it is");
    Err(Rejection::new(Reason::Undecodable, detail))
}

fn is_reference(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_REFERENCE && printable::is_safe(id)
}

/// The value of a header with a version, as text; what is neither text nor a number is one that no version has.
pub(super) fn version_text(value: &HeaderValue) -> Option<String> {
    match value {
        HeaderValue::Void => None,
        HeaderValue::Text(text) => Some(text.clone()),
        other => Some(other.as_i64().map_or_else(|| "?".to_owned(), |number| number.to_string())),
    }
}

/// A version that is no version is not ignored: the data would be read as another one.
pub(super) fn version(text: &str, name: &str) -> Result<u32, Rejection> {
    match text.parse() {
        Ok(version @ 1..) => Ok(version),
        _ => Err(Rejection::new(
            Reason::UnsupportedVersion,
            format!("`{name}` is `{}`, which is no whole number from 1 on", printable::excerpt(text)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Headers;

    fn with_id(id: &str) -> Envelope {
        Envelope { id: Some(id.to_owned()), ..Envelope::default() }
    }

    fn with_headers(headers: &[(&str, HeaderValue)]) -> Message {
        let headers: Headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Message { headers, ..Message::default() }
    }

    fn refused(message: &Message) -> Rejection {
        Envelope::read(message).expect_err("it has to be refused")
    }

    fn with_encoding(encoding: &str) -> Message {
        let content_encoding = Some(encoding.to_owned());
        Message { properties: Properties { content_encoding, ..Properties::default() }, ..Message::default() }
    }

    #[test]
    fn a_plain_message_speaks_through_its_properties() {
        let mut message = with_headers(&[
            ("x-event-version", 2.into()),
            ("x-causation-id", "cmd-1".into()),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        ]);
        message.properties.message_id = Some("evt-1".to_owned());
        message.properties.message_type = Some("payment.captured".to_owned());
        message.properties.correlation_id = Some("order-7".to_owned());
        message.body = Bytes::from_static(b"{}");
        let expected = Envelope {
            id: Some("evt-1".to_owned()),
            source: None,
            event_type: Some("payment.captured".to_owned()),
            version: Some(2),
            correlation_id: Some("order-7".to_owned()),
            causation_id: Some("cmd-1".to_owned()),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            hops: 0,
            data: Bytes::from_static(b"{}"),
        };
        assert_eq!(Envelope::read(&message), Ok(expected));
    }

    #[test]
    fn the_field_in_the_body_is_asked_first() {
        let envelope = with_id("of-the-message");
        let id = |body_id| envelope.identity(body_id, "").map(|event| event.id);
        assert_eq!(id(Some("of-the-body")), Ok("of-the-body".to_owned()));
        assert_eq!(id(None), Ok("of-the-message".to_owned()));
    }

    #[test]
    fn the_source_of_the_event_goes_before_the_configured_one() {
        let mut envelope = with_id("1");
        assert_eq!(envelope.identity(None, "shop").map(|event| event.source), Ok("shop".to_owned()));
        envelope.source = Some("/till".to_owned());
        assert_eq!(envelope.identity(None, "shop").map(|event| event.source), Ok("/till".to_owned()));
    }

    #[test]
    fn a_blank_id_is_no_id() {
        for (envelope, body_id) in [
            (Envelope::default(), None),
            (with_id(""), None),
            (with_id(" \t\n\u{3000}"), None),
            (with_id("of-the-message"), Some("")),
            (with_id("of-the-message"), Some("  ")),
        ] {
            let rejection = envelope.identity(body_id, "").expect_err("no id");
            assert_eq!(rejection.reason, Reason::MissingId);
            assert!(rejection.detail.contains("`message_id`") && rejection.detail.contains("`#[event(id)]`"));
        }
    }

    #[test]
    fn ids_that_look_alike_are_different() {
        let ids = ["abc", "ABC", "abc ", " abc", "äbc", "a\u{308}bc", "abc\0", "abc\u{200b}", "ａｂｃ"];
        let keys = ids.map(|id| with_id(id).identity(None, "").expect("an id").key());
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn a_long_id_is_refused_and_not_repeated() {
        let long = "s3cret".repeat(EventId::MAX_BYTES);
        let mut source = with_id("1");
        source.source = Some(long.clone());
        let results = [
            with_id(&long).identity(None, ""),
            with_id("1").identity(Some(&long), ""),
            source.identity(None, ""),
        ];
        for result in results {
            let rejection = result.expect_err("too long");
            assert_eq!(rejection.reason, Reason::BadId);
            assert!(!rejection.detail.contains("s3cret"), "{rejection}");
        }
        assert!(with_id(&"x".repeat(EventId::MAX_BYTES)).identity(None, "").is_ok());
    }

    #[test]
    fn compressed_bodies_are_refused_before_anything_reads_them() {
        for encoding in ["gzip", "deflate", "br", "zstd", "utf-16", "x\u{1b}[31m"] {
            let rejection = refused(&with_encoding(encoding));
            assert_eq!(rejection.reason, Reason::Undecodable);
            assert!(
                rejection.detail.starts_with("the content encoding `")
                    && printable::is_safe(&rejection.detail)
            );
        }
        for encoding in ["", " ", "identity", "Identity", "utf-8", "UTF-8", "binary"] {
            assert!(Envelope::read(&with_encoding(encoding)).is_ok(), "{encoding}");
        }
    }

    #[test]
    fn a_version_that_is_none_is_not_read_as_another() {
        let lies: [HeaderValue; 8] = [
            0.into(),
            (-1).into(),
            (1 << 32).into(),
            "one".into(),
            "".into(),
            HeaderValue::Bool(true),
            HeaderValue::F64(1.0),
            HeaderValue::Array(vec![1.into()]),
        ];
        for lie in lies {
            assert_eq!(
                refused(&with_headers(&[("x-event-version", lie)])).reason,
                Reason::UnsupportedVersion
            );
        }
        for (value, version) in
            [(HeaderValue::U8(3), Some(3)), ("4".into(), Some(4)), (HeaderValue::Void, None)]
        {
            let envelope = Envelope::read(&with_headers(&[("x-event-version", value)])).expect("readable");
            assert_eq!(envelope.version, version);
        }
    }

    #[test]
    fn lies_about_the_conversation_are_ignored() {
        let lies: [HeaderValue; 6] = [
            1.into(),
            "".into(),
            "a\nb".into(),
            "\u{202e}txt".into(),
            "x".repeat(256).into(),
            HeaderValue::Table([].into()),
        ];
        for lie in lies {
            let mut message = with_headers(&[("x-causation-id", lie.clone()), ("traceparent", lie.clone())]);
            message.properties.correlation_id = lie.as_str().map(str::to_owned);
            let envelope = Envelope::read(&message).expect("readable");
            assert_eq!(
                (envelope.correlation_id, envelope.causation_id, envelope.traceparent),
                (None, None, None)
            );
        }
    }

    #[test]
    fn headers_of_the_broker_prove_nothing() {
        let mut message = with_headers(&[
            ("x-death", HeaderValue::Array(vec![i64::MAX.into()])),
            ("x-delivery-count", (-7).into()),
            ("x-consumer-attempts", 99.into()),
        ]);
        message.properties.message_id = Some("1".to_owned());
        let envelope = Envelope::read(&message).expect("readable");
        assert_eq!(envelope, with_id("1"));
    }

    #[test]
    fn a_type_of_a_megabyte_is_not_repeated() {
        let mut message = Message::default();
        message.properties.message_type = Some("t".repeat(1024 * 1024));
        let rejection = refused(&message);
        assert!(rejection.reason == Reason::Undecodable && rejection.detail.len() < 100, "{rejection}");
    }

    #[test]
    fn debug_leaves_the_data_out() {
        let envelope = Envelope { data: Bytes::from_static(b"s3cret"), ..with_id("1") };
        let message = Message { body: Bytes::from_static(b"s3cret"), ..Message::default() };
        assert!(!format!("{envelope:?} {message:?}").contains("s3cret"));
    }
}
