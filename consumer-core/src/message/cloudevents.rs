//! CloudEvents 1.0 over AMQP, binary and structured.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Envelope, HeaderValue, Headers, Message, Reason, Rejection, traceparent};
use crate::{json, printable};

/// What a structured event and a batch of them are announced with.
const MEDIA_TYPE: &str = "application/cloudevents";
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch";

/// The prefixes of attributes in headers: today's, and that of version 1.0.0, which many libraries still write.
const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];

/// A message with one of these attributes in its headers is meant to be an event, and needs all of them.
const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];

/// Reads a message that is an event in structured mode, else in binary mode; `None` if it is neither.
pub(super) fn read(message: &Message) -> Result<Option<Envelope>, Rejection> {
    let media_type = media_type(message.properties.content_type.as_deref());
    if begins_with(media_type, MEDIA_TYPE) {
        refuse_format(media_type)?;
        return structured(&message.body).map(Some);
    }
    if message.headers.iter().any(|(name, _)| is_required(name)) {
        return binary(message).map(Some);
    }
    Ok(None)
}

/// Whether a header carries what says which event this is, so that no copy may lose it.
pub(super) fn is_required(header: &str) -> bool {
    let attribute = PREFIXES.iter().find_map(|prefix| header.strip_prefix(prefix));
    attribute.is_some_and(|name| REQUIRED.contains(&name))
}

/// Gives an event another id, wherever its mode has one; what is no CloudEvent stays as it is.
pub(super) fn rename(message: &mut Message, id: &str) -> Result<(), Rejection> {
    if begins_with(media_type(message.properties.content_type.as_deref()), MEDIA_TYPE) {
        message.body = renamed(&message.body, id)?;
        return Ok(());
    }
    let is_of =
        |prefix: &&str| REQUIRED.iter().any(|name| message.headers.get(&format!("{prefix}{name}")).is_some());
    let prefixes: Vec<_> = PREFIXES.into_iter().filter(is_of).collect();
    for prefix in prefixes {
        message.headers.insert(format!("{prefix}id"), id);
    }
    Ok(())
}

/// The members as they were written, the id excepted.
fn renamed(body: &[u8], id: &str) -> Result<Bytes, Rejection> {
    let malformed = |detail: String| undecodable(format!("CloudEvent at `.`: {detail}"));
    let mut event: BTreeMap<String, Box<RawValue>> =
        json::read(body).map_err(|mistake| malformed(mistake.problem))?;
    let id = serde_json::value::to_raw_value(id).map_err(|error| malformed(error.to_string()))?;
    event.insert("id".to_owned(), id);
    serde_json::to_vec(&event).map(Bytes::from).map_err(|error| malformed(error.to_string()))
}

/// A content type without its parameters.
fn media_type(content_type: Option<&str>) -> &str {
    let content_type = content_type.unwrap_or_default();
    content_type.split_once(';').map_or(content_type, |(media_type, _)| media_type).trim()
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

fn refuse_format(media_type: &str) -> Result<(), Rejection> {
    if media_type.eq_ignore_ascii_case(STRUCTURED) {
        return Ok(());
    }
    let shown = printable::excerpt(media_type);
    Err(undecodable(match begins_with(media_type, BATCH) {
        true => format!("`{shown}`: a batch has no id to process once; publish one event per message"),
        false => format!("`{shown}` is not supported; publish `{STRUCTURED}` or binary mode"),
    }))
}

fn undecodable(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::Undecodable, detail)
}

/// The attributes we know, wherever they stood.
struct Attributes {
    id: Option<String>,
    source: Option<String>,
    specversion: Option<String>,
    event_type: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    traceparent: Option<String>,
    version: Option<String>,
}

impl Attributes {
    fn into_envelope(self, data: Bytes) -> Result<Envelope, Rejection> {
        supported(&required(self.specversion, "specversion")?)?;
        let id = self.id.ok_or_else(|| {
            Rejection::new(Reason::MissingId, "a CloudEvent without `id`: its publisher has to give it one")
        })?;
        Ok(Envelope {
            id: Some(id),
            source: Some(required(self.source, "source")?),
            event_type: Some(required(self.event_type, "type")?),
            version: self
                .version
                .map(|version| super::envelope::version(&version, "eventversion"))
                .transpose()?,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent.as_deref().and_then(traceparent::parse),
            hops: 0,
            data,
        })
    }
}

fn required(attribute: Option<String>, name: &str) -> Result<String, Rejection> {
    let attribute = attribute.filter(|text| !text.is_empty());
    attribute.ok_or_else(|| undecodable(format!("a CloudEvent without `{name}`, which every one must have")))
}

fn supported(specversion: &str) -> Result<(), Rejection> {
    if specversion.starts_with("1.") {
        return Ok(());
    }
    let shown = printable::excerpt(specversion);
    Err(undecodable(format!("CloudEvents `specversion` `{shown}` is not supported; 1.0 is")))
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a HeaderValue> {
    PREFIXES.iter().find_map(|prefix| headers.get(&format!("{prefix}{name}")))
}

fn binary(message: &Message) -> Result<Envelope, Rejection> {
    let attribute = |name| match header(&message.headers, name) {
        Some(HeaderValue::Text(text)) => Ok(Some(text.clone())),
        Some(HeaderValue::Void) | None => Ok(None),
        Some(_) => Err(undecodable(format!("the CloudEvents header `{name}` is not a text"))),
    };
    let extension = |name| header(&message.headers, name).and_then(HeaderValue::as_str).map(str::to_owned);
    let attributes = Attributes {
        id: attribute("id")?,
        source: attribute("source")?,
        specversion: attribute("specversion")?,
        event_type: attribute("type")?,
        correlation_id: extension("correlationid"),
        causation_id: extension("causationid"),
        traceparent: extension("traceparent"),
        version: header(&message.headers, "eventversion").and_then(super::envelope::version_text),
    };
    attributes.into_envelope(message.body.clone())
}

/// The JSON format. Extensions are read leniently: none of them may make an event unreadable.
#[derive(Deserialize)]
struct Structured<'a> {
    id: Option<String>,
    source: Option<String>,
    specversion: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    datacontenttype: Option<String>,
    #[serde(borrow)]
    correlationid: Option<&'a RawValue>,
    #[serde(borrow)]
    causationid: Option<&'a RawValue>,
    #[serde(borrow)]
    traceparent: Option<&'a RawValue>,
    #[serde(borrow)]
    eventversion: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

/// `null` is data too, unlike no data at all.
fn present<'de, D: Deserializer<'de>>(data: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(data).map(Some)
}

fn structured(body: &[u8]) -> Result<Envelope, Rejection> {
    let event: Structured<'_> = json::read(body)
        .map_err(|mistake| undecodable(format!("CloudEvent at `{}`: {}", mistake.path, mistake.problem)))?;
    let data = data(&event)?;
    let attributes = Attributes {
        id: event.id,
        source: event.source,
        specversion: event.specversion,
        event_type: event.event_type,
        correlation_id: text(event.correlationid),
        causation_id: text(event.causationid),
        traceparent: text(event.traceparent),
        version: event.eventversion.map(|raw| text(Some(raw)).unwrap_or_else(|| raw.get().to_owned())),
    };
    attributes.into_envelope(data)
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// The data as binary mode would carry it, so that both modes have one fingerprint.
fn data(event: &Structured<'_>) -> Result<Bytes, Rejection> {
    match (event.data, &event.data_base64) {
        (Some(_), Some(_)) => Err(undecodable("a CloudEvent with both `data` and `data_base64`")),
        (None, None) => Ok(Bytes::new()),
        (None, Some(base64)) => match BASE64.decode(base64) {
            Ok(data) => Ok(data.into()),
            Err(_) => Err(undecodable("CloudEvent at `data_base64`: not Base64")),
        },
        (Some(data), None) if is_json(event.datacontenttype.as_deref()) => Ok(data.get().to_owned().into()),
        (Some(data), None) => match text(Some(data)) {
            Some(text) => Ok(text.into()),
            None => Err(undecodable("CloudEvent at `data`: only a text can be of this `datacontenttype`")),
        },
    }
}

/// JSON is what data is when nobody says so.
fn is_json(datacontenttype: Option<&str>) -> bool {
    let media_type = media_type(datacontenttype).to_ascii_lowercase();
    media_type.is_empty() || media_type.ends_with("/json") || media_type.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: [(&str, &str); 4] =
        [("specversion", "1.0"), ("id", "evt-1"), ("source", "/shop"), ("type", "payment.captured")];

    fn in_headers(prefix: &str, attributes: &[(&str, HeaderValue)]) -> Message {
        let mut message = Message { body: Bytes::from_static(b"{\"cents\":1}"), ..Message::default() };
        for (name, value) in EVENT {
            message.headers.insert(format!("{prefix}{name}"), value);
        }
        for (name, value) in attributes {
            message.headers.insert(format!("{prefix}{name}"), value.clone());
        }
        message
    }

    fn in_body(content_type: &str, body: &str) -> Message {
        let mut message = Message { body: Bytes::copy_from_slice(body.as_bytes()), ..Message::default() };
        message.properties.content_type = Some(content_type.to_owned());
        message
    }

    fn structured(rest: &str) -> Message {
        let required = r#""specversion":"1.0","id":"evt-1","source":"/shop","type":"payment.captured""#;
        in_body(STRUCTURED, &format!("{{{required}{rest}}}"))
    }

    fn envelope(message: &Message) -> Envelope {
        Envelope::read(message).expect("a CloudEvent")
    }

    fn refused(message: &Message) -> Rejection {
        Envelope::read(message).expect_err("it has to be refused")
    }

    fn expected(data: &[u8]) -> Envelope {
        Envelope {
            id: Some("evt-1".to_owned()),
            source: Some("/shop".to_owned()),
            event_type: Some("payment.captured".to_owned()),
            data: Bytes::copy_from_slice(data),
            ..Envelope::default()
        }
    }

    #[test]
    fn both_prefixes_of_binary_mode_are_read() {
        for prefix in PREFIXES {
            assert_eq!(envelope(&in_headers(prefix, &[])), expected(b"{\"cents\":1}"));
        }
    }

    #[test]
    fn structured_data_is_kept_as_written() {
        let data = "{ \"cents\" : 1.00 }";
        for content_type in
            [STRUCTURED, "application/cloudevents+json; charset=UTF-8", "Application/CloudEvents+JSON ;x"]
        {
            let mut message = structured(&format!(",\"data\":{data}"));
            message.properties.content_type = Some(content_type.to_owned());
            assert_eq!(envelope(&message), expected(data.as_bytes()), "{content_type}");
        }
    }

    #[test]
    fn data_is_what_binary_mode_would_carry() {
        for (rest, data) in [
            ("", ""),
            (r#","data":null"#, "null"),
            (r#","data":1.00"#, "1.00"),
            (r#","data":"text""#, r#""text""#),
            (r#","datacontenttype":"application/vnd.shop+json","data":"text""#, r#""text""#),
            (r#","datacontenttype":"text/json; charset=utf-8","data":[1]"#, "[1]"),
            (r#","datacontenttype":"text/xml","data":"<a b=\"c\"/>""#, "<a b=\"c\"/>"),
            (r#","data_base64":"eyJhIjoxfQ==""#, "{\"a\":1}"),
            (r#","datacontenttype":null,"data_base64":null,"data":1"#, "1"),
        ] {
            assert_eq!(envelope(&structured(rest)).data, data.as_bytes(), "{rest}");
        }
    }

    #[test]
    fn extensions_are_read_in_both_modes() {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let in_headers = in_headers(
            "cloudEvents_",
            &[
                ("correlationid", "order-7".into()),
                ("causationid", "cmd-1".into()),
                ("traceparent", traceparent.into()),
                ("eventversion", HeaderValue::I32(2)),
            ],
        );
        let in_body = structured(&format!(
            r#","correlationid":"order-7","causationid":"cmd-1","traceparent":"{traceparent}","eventversion":2,"other":[]"#
        ));
        for message in [in_headers, in_body, structured(r#","eventversion":"2","correlationid":"order-7""#)] {
            let envelope = envelope(&message);
            assert_eq!((envelope.version, envelope.correlation_id.as_deref()), (Some(2), Some("order-7")));
            assert!(envelope.causation_id.is_none_or(|id| id == "cmd-1"));
            assert!(envelope.traceparent.is_none_or(|text| text == traceparent));
        }
    }

    #[test]
    fn amqp_stands_in_for_an_extension() {
        let mut message = structured("");
        message.properties.correlation_id = Some("order-7".to_owned());
        message.properties.message_id = Some("not-the-id".to_owned());
        message.headers.insert("x-event-version", 2);
        let envelope = envelope(&message);
        assert_eq!((envelope.correlation_id.as_deref(), envelope.version), (Some("order-7"), Some(2)));
        assert_eq!(envelope.id.as_deref(), Some("evt-1"));
    }

    #[test]
    fn structured_mode_goes_before_binary_mode() {
        let mut message = structured(",\"data\":1");
        message.headers = in_headers("cloudEvents_", &[("id", "of-the-headers".into())]).headers;
        assert_eq!(envelope(&message), expected(b"1"));
    }

    #[test]
    fn the_same_id_from_two_sources_is_two_events() {
        let here = envelope(&in_headers("cloudEvents_", &[])).identity(None, "").expect("an id");
        let there = envelope(&in_headers("cloudEvents_", &[("source", "/till".into())]))
            .identity(None, "")
            .expect("an id");
        assert_ne!(here.key(), there.key());
    }

    #[test]
    fn an_event_without_a_required_attribute_is_refused() {
        for (name, _) in EVENT {
            let reason = if name == "id" { Reason::MissingId } else { Reason::Undecodable };
            let mut message = in_headers("cloudEvents_", &[]);
            message.headers.remove(&format!("cloudEvents_{name}"));
            let rejection = refused(&message);
            assert!(rejection.reason == reason && rejection.detail.contains(name), "{rejection}");

            let body = String::from_utf8_lossy(&structured("").body).replace(&format!("\"{name}\""), "\"x\"");
            let rejection = refused(&in_body(STRUCTURED, &body));
            assert!(rejection.reason == reason && rejection.detail.contains(name), "{rejection}");
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (message, problem) in [
            (in_body(STRUCTURED, ""), "CloudEvent at `.`: there is no data"),
            (in_body(STRUCTURED, "[]"), "CloudEvent at `.`: invalid length 0"),
            (
                in_body(STRUCTURED, r#"{"id":7}"#),
                "CloudEvent at `id`: invalid type: integer, expected a string",
            ),
            (in_body(STRUCTURED, r#"{"id":"a","id":"b"}"#), "duplicate field `id`"),
            (structured("} x"), "CloudEvent at `.`: trailing characters"),
            (structured(r#","data":1,"data_base64":"MQ==""#), "both `data` and `data_base64`"),
            (structured(r#","data_base64":"%""#), "`data_base64`: not Base64"),
            (
                structured(r#","datacontenttype":"text/xml","data":{}"#),
                "only a text can be of this `datacontenttype`",
            ),
            (in_headers("cloudEvents_", &[("id", 7.into())]), "header `id` is not a text"),
            (in_headers("cloudEvents_", &[("specversion", "0.3".into())]), "`0.3` is not supported"),
            (in_headers("cloudEvents_", &[("specversion", "1\u{1b}".into())]), "`1\\u{1b}` is not supported"),
            (in_body("application/cloudevents-batch+json", "[]"), "publish one event per message"),
            (in_body("application/cloudevents+avro", ""), "`application/cloudevents+avro` is not supported"),
        ] {
            let rejection = refused(&message);
            assert_eq!(rejection.reason, Reason::Undecodable, "{rejection}");
            assert!(rejection.detail.contains(problem), "{rejection}");
        }
    }

    #[test]
    fn an_id_of_ten_megabytes_is_refused_and_not_repeated() {
        let id = "s3cret".repeat(10 * 1024 * 1024 / 6);
        let body = format!(r#"{{"specversion":"1.0","id":"{id}","source":"/","type":"t"}}"#);
        let rejection = refused(&in_body(STRUCTURED, &body));
        assert!(rejection.reason == Reason::BadId && rejection.detail.len() < 100, "{}", rejection.reason);
    }

    #[test]
    fn a_header_that_only_looks_like_one_makes_no_event() {
        let mut message = Message::default();
        message.headers.insert("cloudEvents_subject", "x");
        assert_eq!(Envelope::read(&message), Ok(Envelope::default()));
    }

    #[test]
    fn deep_data_cannot_overflow_the_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(envelope(&structured(&format!(",\"data\":{deep}"))).data, deep.as_bytes());
        assert_eq!(envelope(&structured(&format!(",\"extension\":{deep}"))), expected(b""));
    }
}
