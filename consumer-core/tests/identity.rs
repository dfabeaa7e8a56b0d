//! One event has one identity and one fingerprint, on whichever road it comes.

use std::time::Duration;

use bytes::Bytes;
use consumer_core::message::{
    ClaimKey, DeadLetter, Envelope, EventId, Fingerprint, HeaderValue, Message, Properties, Reason,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const QUEUE: &str = "payments.in";

/// An event, before anybody put it into a message.
#[derive(Clone, Debug)]
struct Event {
    source: String,
    id: String,
    data: Map<String, Value>,
}

fn any_event() -> impl Strategy<Value = Event> {
    // No control characters in JSON keys and no blank ids; anything else goes.
    let id = prop_oneof!["[a-zA-Z0-9 \\\\é\u{301}\u{202e}-]{0,20}x", any::<[u8; 16]>().prop_map(uuid_text)];
    let value = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<i32>(), 0..3).prop_map(Value::from),
    ];
    let data = prop::collection::btree_map("[a-e]{0,2}", value, 0..6);
    (prop_oneof![Just(String::new()), Just("/shop".to_owned())], id, data)
        .prop_map(|(source, id, data)| Event { source, id, data: data.into_iter().collect() })
}

fn uuid_text(bytes: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(bytes).to_string()
}

impl Event {
    fn message(&self, content_type: &str, body: &Value) -> Message {
        let properties = Properties {
            content_type: Some(content_type.to_owned()),
            expiration: Some("1000".to_owned()),
            user_id: Some("shop".to_owned()),
            app_id: Some("checkout".to_owned()),
            ..Properties::default()
        };
        let mut message = Message { properties, body: Bytes::from(body.to_string()), ..Message::default() };
        (message.exchange, message.routing_key) = ("payments".to_owned(), "payment.captured".to_owned());
        message.headers.insert("CC", HeaderValue::Array(vec!["audit".into()]));
        message
    }

    fn plain(&self) -> Message {
        let mut message = self.message("application/json", &Value::Object(self.data.clone()));
        message.properties.message_id = Some(self.id.clone());
        message.properties.message_type = Some("payment.captured".to_owned());
        message
    }

    fn binary(&self) -> Message {
        let mut message = self.message("application/json", &Value::Object(self.data.clone()));
        for (name, value) in self.attributes() {
            message.headers.insert(format!("cloudEvents_{name}"), value);
        }
        message
    }

    fn structured(&self) -> Message {
        let mut body = json!({ "data": self.data });
        for (name, value) in self.attributes() {
            body[name] = value.into();
        }
        let mut message = self.message("application/cloudevents+json; charset=utf-8", &body);
        message.properties.message_id = Some("of the transport".to_owned());
        message
    }

    /// A CloudEvent always has a source.
    fn attributes(&self) -> [(&'static str, &str); 4] {
        [("specversion", "1.0"), ("id", &self.id), ("source", self.source()), ("type", "payment.captured")]
    }

    fn source(&self) -> &str {
        if self.source.is_empty() { "/" } else { &self.source }
    }
}

/// What a queue delivers that a message was published to directly.
fn delivered(message: Message, queue: &str) -> Message {
    Message { exchange: String::new(), routing_key: queue.to_owned(), ..message }
}

/// The same message after a wait, in the dead-letter queue, and back from there, again and again.
fn roads(message: &Message) -> Vec<Message> {
    let retried = delivered(message.copy_from(QUEUE), QUEUE);
    let letter = |message: &Message| {
        let letter = DeadLetter {
            reason: Reason::AttemptsExhausted,
            error: "no such account",
            class: None,
            key: ClaimKey::from_bytes([7; 16]),
            id: Some("an id"),
            dead_at: Duration::from_secs(1_700_000_000),
            attempts: 3,
            consumer: "ledger",
            queue: QUEUE,
            effects: Default::default(),
        };
        delivered(letter.of(message), "payments.in.dlq")
    };
    let redriven = delivered(letter(&retried).redriven(), QUEUE);
    let again = delivered(letter(&redriven).redriven(), QUEUE);
    vec![message.clone(), retried, letter(message), delivered(letter(message), QUEUE), redriven, again]
}

fn seen(message: &Message, configured_source: &str) -> (EventId, ClaimKey, Fingerprint) {
    let envelope = Envelope::read(message).expect("readable");
    let id = envelope.identity(None, configured_source).expect("an id");
    let key = id.key();
    (id, key, Fingerprint::of(&envelope.data))
}

fn shuffled(message: &Message, seed: u64) -> Message {
    fn write(value: &Value, rng: &mut fastrand::Rng) -> String {
        let space = " \n\t".repeat(rng.usize(..2));
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                rng.shuffle(&mut members);
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, value)| format!("{}:{}", json!(name), write(value, rng)))
                    .collect();
                format!("{space}{{{space}{}{space}}}{space}", members.join(","))
            }
            Value::Array(values) => {
                let values: Vec<_> = values.iter().map(|value| write(value, rng)).collect();
                format!("{space}[{}{space}]", values.join(","))
            }
            scalar => format!("{space}{scalar}{space}"),
        }
    }
    let value = serde_json::from_slice(&message.body).expect("a JSON body");
    let body = write(&value, &mut fastrand::Rng::with_seed(seed));
    Message { body: Bytes::from(body), ..message.clone() }
}

proptest! {
    #[test]
    fn one_event_has_one_identity_on_every_road(event in any_event(), seed: u64) {
        let configured = event.source();
        let direct = seen(&event.plain(), configured);
        prop_assert_eq!(&direct.0, &EventId { source: configured.to_owned(), id: event.id.clone() });
        for published in [event.plain(), event.binary(), event.structured()] {
            for message in roads(&published) {
                prop_assert_eq!(&seen(&message, configured), &direct);
                prop_assert_eq!(&seen(&shuffled(&message, seed), configured), &direct);
            }
        }
    }

    #[test]
    fn an_id_in_the_body_outlives_every_envelope(event in any_event()) {
        for published in [event.plain(), event.binary(), event.structured()] {
            for message in roads(&published) {
                let mut envelope = Envelope::read(&message).expect("readable");
                envelope.source = None;
                let id = envelope.identity(Some("body-1"), &event.source).expect("an id");
                prop_assert_eq!(id, EventId { source: event.source.clone(), id: "body-1".to_owned() });
            }
        }
    }

    #[test]
    fn other_data_has_another_fingerprint(event in any_event(), number: i64) {
        let mut other = event.clone();
        other.data.insert("changed".to_owned(), number.into());
        let (one, other) = (seen(&event.structured(), ""), seen(&other.structured(), ""));
        prop_assert_eq!(one.1, other.1);
        prop_assert_ne!(one.2, other.2);
    }
}
