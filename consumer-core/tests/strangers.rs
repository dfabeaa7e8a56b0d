//! Whatever a stranger publishes is read or refused: nothing panics, and its dead letter keeps the body.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use consumer_core::{
    failure::message_key,
    message::{DeadLetter, Envelope, HeaderValue, Message, Properties, Reason},
};
use proptest::prelude::*;

/// Names and texts that mean something to somebody, among noise.
fn any_name() -> impl Strategy<Value = String> {
    let known = [
        "cloudEvents_id",
        "cloudEvents_source",
        "cloudEvents_specversion",
        "cloudEvents_type",
        "cloudEvents:eventversion",
        "cloudEvents_traceparent",
        "x-event-version",
        "x-causation-id",
        "traceparent",
        "CC",
        "x-death",
        "x-consumer-error",
        "x-consumer-original-expiration",
        "x-consumer-left-out",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

fn any_text() -> impl Strategy<Value = String> {
    let known = [
        "1.0",
        "2",
        "application/cloudevents+json; charset=utf-8",
        "application/cloudevents",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "amq.rabbitmq.reply-to",
        "gzip",
        "\0",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

fn any_value() -> impl Strategy<Value = HeaderValue> {
    let leaf = prop_oneof![
        Just(HeaderValue::Void),
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i8>().prop_map(HeaderValue::I8),
        any::<i64>().prop_map(HeaderValue::I64),
        any::<f64>().prop_map(HeaderValue::F64),
        any::<u64>().prop_map(HeaderValue::Timestamp),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| HeaderValue::Decimal { scale, value }),
        any_text().prop_map(HeaderValue::Text),
        any::<Vec<u8>>().prop_map(|bytes| HeaderValue::Bytes(bytes.into())),
        // Large enough that a few of them fill a frame.
        (0..70_000usize).prop_map(|length| HeaderValue::Text("x".repeat(length))),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(HeaderValue::Array),
            prop::collection::btree_map(any_name(), inner, 0..3).prop_map(HeaderValue::Table),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Bytes> {
    let event =
        r#"{"specversion":"1.0","id":"1","source":"/","type":"t","eventversion":1,"data":{"a":[1.0]}}"#;
    prop_oneof![
        any::<Vec<u8>>().prop_map(Bytes::from),
        (0..event.len()).prop_map(move |end| Bytes::copy_from_slice(&event.as_bytes()[..end])),
        (0..event.len(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut event = event.as_bytes().to_vec();
            event[at] = byte;
            Bytes::from(event)
        }),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let text = || prop::option::of(any_text());
    let properties =
        (text(), prop::option::weighted(0.2, any_text()), text(), text(), text(), any::<Option<u8>>());
    let headers = prop::collection::btree_map(any_name(), any_value(), 0..8);
    (properties, headers, any_body()).prop_map(|(properties, headers, body): (_, BTreeMap<_, _>, _)| {
        let (content_type, content_encoding, message_id, correlation_id, reply_to, delivery_mode) =
            properties;
        Message {
            properties: Properties {
                content_type,
                content_encoding,
                message_id,
                correlation_id,
                reply_to,
                delivery_mode,
                ..Properties::default()
            },
            headers: headers.into_iter().collect(),
            body,
            ..Message::default()
        }
    })
}

/// As strict as a log line has to be.
fn is_one_line(text: &str) -> bool {
    !text.contains(char::is_control) && text.len() <= 16 * 1024
}

proptest! {
    #[test]
    fn nothing_a_stranger_publishes_panics(message in any_message(), body_id in prop::option::of(any_text())) {
        let rejection = match Envelope::read(&message) {
            Ok(envelope) => {
                prop_assert_ne!(envelope.version, Some(0));
                let identity = envelope.identity(body_id.as_deref(), "");
                if let Ok(event) = &identity {
                    prop_assert!(event.readable().is_none_or(|text| is_one_line(&text)));
                    prop_assert!(is_one_line(&event.to_string()));
                }
                identity.err()
            }
            Err(rejection) => Some(rejection),
        };
        prop_assert!(rejection.is_none_or(|rejection| is_one_line(&rejection.to_string())));
    }

    #[test]
    fn a_dead_letter_keeps_its_body(message in any_message(), error in any_text()) {
        let letter = DeadLetter {
            reason: Reason::Undecodable,
            error: &error,
            class: None,
            key: message_key(&message),
            id: None,
            dead_at: Duration::ZERO,
            attempts: 0,
            consumer: "c",
            queue: "q",
            effects: Default::default(),
        };
        let letter = letter.of(&message);
        prop_assert_eq!(&letter.body, &message.body);
        prop_assert_eq!(letter.headers.text("x-consumer-reason"), Some("undecodable"));
        prop_assert!(letter.headers.text("x-consumer-error").is_some_and(is_one_line));
        prop_assert!(letter.headers.get("CC").is_none() && letter.properties.user_id.is_none());
    }
}
