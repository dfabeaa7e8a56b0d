//! A letter: what a message of a dead-letter queue says about its failure, read back.

use std::time::Duration;

use super::{Aftermath, ClaimKey, Envelope, HeaderValue, Message, copy, death::Death};
use crate::printable;

/// The longest text of a letter, its error excepted.
const MAX_TEXT: usize = 1024;

/// What a message of a dead-letter queue says about its failure.
///
/// Every field may be missing, and none is certain: whoever may publish to a dead-letter queue can write all of them. The
/// texts are safe for a terminal.
///
/// A message that RabbitMQ itself has dead-lettered, because it came back more often than its queue's delivery limit
/// allows, carries none of our headers: reason (`delivery-limit`), queue and time come from the broker's `x-death`, and whoever
/// processed it, its key and its error are unknown. Our headers beside an `x-death` are not read: what we publish has none, so
/// that a publisher has written them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// Why it is here: that of a [`Reason`](super::Reason), or the broker's own, such as `delivery-limit`.
    pub reason: Option<String>,
    /// The error with its causes.
    pub error: Option<String>,
    /// The class of that error.
    pub class: Option<String>,
    /// The key of its failure record.
    pub key: Option<ClaimKey>,
    /// The id of the event; where no header says it, that of the envelope.
    pub id: Option<String>,
    /// The type of the event, from its envelope.
    pub event_type: Option<String>,
    /// When it was given up, since the Unix epoch.
    pub dead_at: Option<Duration>,
    /// Attempts that were counted.
    pub attempts: Option<u32>,
    /// The consumer that gave up.
    pub consumer: Option<String>,
    /// The queue it was consumed from.
    pub queue: Option<String>,
    /// The version of the library that wrote it.
    pub version: Option<String>,
    /// The exchange and the routing key that the message was first published with.
    pub origin: Option<(String, String)>,
    /// The id of the dead letter that it was before a person edited it.
    pub edited_from: Option<String>,
    /// What its effects have left behind.
    pub effects: Aftermath,
}

impl Letter {
    /// Reads what is there.
    pub fn read(message: &Message) -> Self {
        let envelope = Envelope::read(message).ok();
        let mut letter = match Death::last(&message.headers) {
            Some(death) => Self::of_the_broker(&death),
            None => Self::of_ours(message),
        };
        letter.edited_from = text(message, copy::EDITED_FROM);
        let id = || Some(envelope.as_ref()?.identity(None, "").ok()?.to_string());
        letter.id = letter.id.take().or_else(id).map(|id| printable::plain(&id, MAX_TEXT));
        let event_type = envelope.as_ref().and_then(|envelope| envelope.event_type.as_deref());
        let event_type = event_type.or(message.properties.message_type.as_deref());
        letter.event_type = event_type.map(|name| printable::plain(name, MAX_TEXT));
        letter
    }

    fn of_ours(message: &Message) -> Self {
        let number = |name| message.headers.get(name).and_then(HeaderValue::as_i64);
        let names = |name| {
            let names = text(message, name).unwrap_or_default();
            names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let error = message.headers.text(copy::ERROR);
        Self {
            reason: text(message, copy::REASON),
            error: error.map(|error| printable::plain(error, super::MAX_ERROR)),
            class: text(message, copy::CLASS),
            key: message.headers.text(copy::KEY).and_then(key),
            id: text(message, copy::ID),
            dead_at: number(copy::DEAD_AT).and_then(|secs| u64::try_from(secs).ok()).map(Duration::from_secs),
            attempts: number(copy::ATTEMPTS).and_then(|attempts| u32::try_from(attempts).ok()),
            consumer: text(message, copy::CONSUMER),
            queue: text(message, copy::QUEUE),
            version: text(message, copy::VERSION),
            origin: text(message, copy::ORIGIN_EXCHANGE).zip(text(message, copy::ORIGIN_ROUTING_KEY)),
            effects: Aftermath {
                done: names(copy::EFFECTS_DONE),
                unknown: names(copy::EFFECTS_UNKNOWN),
                compensated: names(copy::EFFECTS_COMPENSATED),
            },
            ..Self::default()
        }
    }

    fn of_the_broker(death: &Death<'_>) -> Self {
        let plain = |text: &str| printable::plain(text, MAX_TEXT);
        Self {
            reason: death.reason.map(|reason| plain(reason).replace('_', "-")),
            queue: death.queue.map(plain),
            dead_at: death.at,
            origin: death.exchange.map(plain).zip(death.routing_key.map(plain)),
            ..Self::default()
        }
    }

    /// How long it has been dead by this time since the Unix epoch; zero if that is still to come.
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.dead_at.map(|dead_at| now.saturating_sub(dead_at))
    }
}

fn text(message: &Message, name: &str) -> Option<String> {
    message.headers.text(name).map(|text| printable::plain(text, MAX_TEXT))
}

/// The key as [`DeadLetter`](super::DeadLetter) writes it.
fn key(text: &str) -> Option<ClaimKey> {
    Some(ClaimKey::from_bytes(uuid::Uuid::try_parse(text).ok()?.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        classify::Class,
        message::{DeadLetter, Reason, death},
    };

    fn message() -> Message {
        let mut message =
            Message { exchange: "shop".to_owned(), routing_key: "paid".to_owned(), ..Message::default() };
        message.properties.message_id = Some("evt-1".to_owned());
        message.properties.message_type = Some("payment.captured".to_owned());
        message
    }

    fn dead_letter() -> DeadLetter<'static> {
        DeadLetter {
            reason: Reason::EffectFailed,
            error: "card declined",
            class: Some(Class::Permanent),
            key: ClaimKey::from_bytes([7; 16]),
            id: Some("/shop evt-1"),
            dead_at: Duration::from_secs(1_700_000_000),
            attempts: 2,
            consumer: "ledger",
            queue: "payments",
            effects: Aftermath { done: vec!["a".to_owned(), "b".to_owned()], ..Aftermath::default() },
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_letter_is_read_as_it_was_written() {
        let read = Letter::read(&dead_letter().of(&message()));
        let expected = Letter {
            reason: some("effect-failed"),
            error: some("card declined"),
            class: some("permanent"),
            key: Some(ClaimKey::from_bytes([7; 16])),
            id: some("/shop evt-1"),
            event_type: some("payment.captured"),
            dead_at: Some(Duration::from_secs(1_700_000_000)),
            attempts: Some(2),
            consumer: some("ledger"),
            queue: some("payments"),
            version: some(env!("CARGO_PKG_VERSION")),
            origin: Some(("shop".to_owned(), "paid".to_owned())),
            edited_from: None,
            effects: dead_letter().effects,
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_message_that_is_no_letter_says_what_its_envelope_says() {
        let read = Letter::read(&message());
        let expected =
            Letter { id: some("evt-1"), event_type: some("payment.captured"), ..Letter::default() };
        assert_eq!(read, expected);
        assert_eq!(Letter::read(&Message::default()), Letter::default());
    }

    #[test]
    fn headers_of_another_type_are_no_headers() {
        let mut message = message();
        for (name, _) in dead_letter().of(&Message::default()).headers.iter() {
            message.headers.insert(name, HeaderValue::Bool(true));
        }
        message.headers.insert("x-consumer-dead-at", -1);
        message.headers.insert("x-consumer-key", "no key");
        let expected =
            Letter { id: some("evt-1"), event_type: some("payment.captured"), ..Letter::default() };
        assert_eq!(Letter::read(&message), expected);
    }

    #[test]
    fn a_message_that_the_broker_gave_up_says_nothing_that_its_publisher_wrote() {
        let mut forged = dead_letter().of(&message());
        let death = death::record("orders", "delivery_limit", "shop", "paid");
        forged.headers.insert("x-death", HeaderValue::Array(vec![death]));
        let read = Letter::read(&forged);
        let expected = Letter {
            reason: some("delivery-limit"),
            queue: some("orders"),
            id: some("evt-1"),
            event_type: some("payment.captured"),
            dead_at: Some(Duration::from_secs(1_700_000_000)),
            origin: Some(("shop".to_owned(), "paid".to_owned())),
            ..Letter::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_text_of_a_stranger_moves_no_cursor() {
        let mut message = message();
        message.headers.insert("x-consumer-reason", "\u{1b}[2Jbad\n");
        message.properties.message_type = some("\u{202e}type");
        let read = Letter::read(&message);
        assert_eq!((read.reason, read.event_type), (some("bad "), some("type")));
    }
}
