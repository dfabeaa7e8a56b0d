//! An event on its way into the outbox, and from there to the broker.

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

use super::{Lane, Route, headers};
use crate::{
    broker::Publication,
    event::Event,
    message::{CAUSATION, HOPS, Headers, Message, Properties, SEQUENCE, TRACEPARENT, VERSION},
};

/// What AMQP gives a short string: an exchange, a routing key, a type, a correlation id.
const MAX_SHORT: usize = 255;
/// The longest key: whoever needs more orders by a hash.
const MAX_KEY: usize = 1024;
/// What headers may take: far below a frame, in which the broker has to deliver them.
const MAX_HEADERS: usize = 64 * 1024;
/// What PostgreSQL has in no text.
const NUL: char = '\0';

/// One row of the outbox about to be written.
///
/// Its id is the message id, made once and kept on every road: a UUIDv7, so that the index of the table stays hot.
#[derive(Clone, PartialEq)]
pub struct OutboxEvent {
    /// The id of the message, for ever.
    pub id: Uuid,
    /// The name of its type.
    pub event_type: String,
    /// The version of its schema.
    pub version: u32,
    /// The key whose order it keeps; without one it keeps none.
    pub key: Option<String>,
    /// The exchange; `None` for that of the relay.
    pub exchange: Option<String>,
    /// The routing key.
    pub routing_key: String,
    /// The headers as a JSON object.
    pub headers: String,
    /// The business conversation.
    pub correlation_id: Option<String>,
    /// The id of the event that caused it.
    pub causation_id: Option<String>,
    /// The W3C trace context.
    pub traceparent: Option<String>,
    /// The MIME type of the data.
    pub content_type: String,
    /// The data.
    pub data: Bytes,
}

/// What an event inherits from the one that is being processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause<'a> {
    /// The conversation; where there is none, the event at hand begins one.
    pub correlation_id: Option<&'a str>,
    /// The event at hand.
    pub event_id: Option<&'a str>,
    /// Its trace.
    pub traceparent: Option<&'a str>,
    /// How many events led to it.
    pub hops: u32,
}

impl OutboxEvent {
    /// A row for an event, with what it inherits.
    ///
    /// # Errors
    /// What no broker takes, or cannot be serialised: nothing can be written then.
    pub fn new<E: Event>(event: &E, route: Route, cause: Cause<'_>) -> Result<Self, Unwritable> {
        let event_type = event.event_type();
        let about = |what: String| Unwritable(format!("`{event_type}` cannot be published: {what}"));
        let data = event.encode().map_err(|error| about(error.to_string()))?;
        let fitting = |id: &str| is_fitting(id).then(|| id.to_owned());
        let mut sent = route.headers;
        if cause.event_id.is_some() {
            sent.insert(HOPS, i64::from(cause.hops) + 1);
        }
        let inherited = || cause.correlation_id.or(cause.event_id).and_then(fitting);
        let made = Self {
            id: Uuid::now_v7(),
            event_type: event_type.name.to_owned(),
            version: event_type.version,
            key: route.key.unwrap_or_else(|| event.key().map(|key| key.into_owned())),
            exchange: route.exchange,
            routing_key: route.routing_key.unwrap_or_else(|| event_type.name.to_owned()),
            headers: headers::to_json(&sent).map_err(|name| {
                about(format!("the header `{name}` is no text, whole number or truth value"))
            })?,
            correlation_id: route.correlation_id.or_else(inherited),
            causation_id: route.causation_id.or_else(|| cause.event_id.and_then(fitting)),
            traceparent: route.traceparent.or_else(|| cause.traceparent.map(str::to_owned)),
            content_type: E::CONTENT_TYPE.to_owned(),
            data: data.into(),
        };
        made.check().map_err(about)?;
        Ok(made)
    }

    /// The lane of its key.
    pub fn lane(&self) -> Option<Lane> {
        self.key.as_deref().map(Lane::of)
    }

    /// The message, as the relay publishes it: the same at every attempt.
    ///
    /// `number` counts the events of its key without a gap; it travels as the header `x-event-sequence`.
    pub fn publication(&self, exchange: &str, number: Option<i64>, created_at: u64) -> Publication {
        let mut headers = headers::from_json(&self.headers);
        let texts = [(CAUSATION, &self.causation_id), (TRACEPARENT, &self.traceparent)];
        for (name, text) in texts {
            if let Some(text) = text {
                headers.insert(name, text.as_str());
            }
        }
        headers.insert(VERSION, i64::from(self.version));
        if let Some(number) = number {
            headers.insert(SEQUENCE, number);
        }
        let properties = Properties {
            content_type: Some(self.content_type.clone()),
            delivery_mode: Some(2),
            correlation_id: self.correlation_id.clone(),
            message_id: Some(self.id.to_string()),
            timestamp: Some(created_at),
            message_type: Some(self.event_type.clone()),
            ..Properties::default()
        };
        Publication {
            exchange: self.exchange.clone().unwrap_or_else(|| exchange.to_owned()),
            routing_key: self.routing_key.clone(),
            message: Message { properties, headers, body: self.data.clone(), ..Message::default() },
        }
    }

    /// The headers that the route gave it.
    pub fn headers(&self) -> Headers {
        headers::from_json(&self.headers)
    }

    fn check(&self) -> Result<(), String> {
        let short = |what: &str, text: Option<&str>| match text.map_or(0, str::len) {
            0..=MAX_SHORT => Ok(()),
            length => Err(format!("its {what} has {length} bytes, AMQP takes {MAX_SHORT}")),
        };
        short("type", Some(&self.event_type))?;
        short("content type", Some(&self.content_type))?;
        short("exchange", self.exchange.as_deref())?;
        short("routing key", Some(&self.routing_key))?;
        short("correlation id", self.correlation_id.as_deref())?;
        let texts = [&self.key, &self.exchange, &self.correlation_id, &self.causation_id, &self.traceparent];
        let texts = texts.into_iter().flatten().chain([&self.routing_key, &self.event_type]);
        if let Some(text) = texts.into_iter().find(|text| text.contains(NUL)) {
            return Err(format!("{text:?} holds a NUL, which no text of a database has"));
        }
        let long = [
            ("key", self.key.as_ref().map_or(0, String::len), MAX_KEY),
            ("headers", self.headers.len(), MAX_HEADERS),
        ];
        for (what, length, most) in long {
            if length > most {
                return Err(format!("its {what} take {length} bytes, at most {most} are allowed"));
            }
        }
        Ok(())
    }
}

/// Whether an inherited id can travel on. One that cannot is left out: it is no fault of this event.
fn is_fitting(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_SHORT && !id.contains(NUL)
}

impl fmt::Debug for OutboxEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxEvent")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("version", &self.version)
            .field("key", &self.key)
            .field("exchange", &self.exchange)
            .field("routing_key", &self.routing_key)
            .field("data", &format_args!("{} bytes", self.data.len()))
            .finish_non_exhaustive()
    }
}

/// Why an event cannot be written to the outbox; only a change of code helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(pub(crate) String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DecodeError, EncodeError, EventType};

    struct Plain;

    impl Event for Plain {
        const TYPES: &'static [EventType] = &[EventType { name: "plain", version: 1 }];

        fn decode(_: EventType, _: &[u8]) -> Result<Self, DecodeError> {
            Ok(Self)
        }

        fn encode(&self) -> Result<Vec<u8>, EncodeError> {
            Ok(Vec::new())
        }

        fn event_type(&self) -> EventType {
            Self::TYPES[0]
        }
    }

    #[test]
    fn a_nul_in_an_inherited_id_is_nobodys_fault() {
        let cause = Cause { correlation_id: Some("a\0b"), event_id: Some("\0"), ..Cause::default() };
        let event = OutboxEvent::new(&Plain, Route::new(), cause).expect("an event");
        assert_eq!((event.correlation_id, event.causation_id), (None, None));
    }

    #[test]
    fn each_event_of_a_chain_is_one_hop_further() {
        let hops = |cause: Cause<'_>| {
            let event = OutboxEvent::new(&Plain, Route::new(), cause).expect("an event");
            event.publication("e", None, 0).message.headers.get(HOPS).cloned()
        };
        assert_eq!(hops(Cause::default()), None, "nothing led to it");
        assert_eq!(hops(Cause { event_id: Some("1"), ..Cause::default() }), Some(1.into()));
        assert_eq!(hops(Cause { event_id: Some("1"), hops: 15, ..Cause::default() }), Some(16.into()));
    }

    #[test]
    fn a_nul_of_the_route_is_refused() {
        for route in [Route::new().ordered_by("a\0"), Route::queue("a\0"), Route::new().correlation_id("\0")]
        {
            let refused = OutboxEvent::new(&Plain, route, Cause::default()).expect_err("a NUL");
            assert!(refused.to_string().contains("NUL"), "{refused}");
        }
    }
}
