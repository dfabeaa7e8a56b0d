//! Copies: the same message for another queue.

use super::{HeaderValue, Headers, Message, death::Death, envelope};
use crate::printable;

/// What a dead letter says about itself; see [`DeadLetter`](super::DeadLetter).
pub(super) const REASON: &str = "x-consumer-reason";
pub(super) const ERROR: &str = "x-consumer-error";
pub(super) const CLASS: &str = "x-consumer-class";
pub(super) const KEY: &str = "x-consumer-key";
pub(super) const ID: &str = "x-consumer-id";
pub(super) const DEAD_AT: &str = "x-consumer-dead-at";
pub(super) const ATTEMPTS: &str = "x-consumer-attempts";
pub(super) const CONSUMER: &str = "x-consumer-name";
pub(super) const QUEUE: &str = "x-consumer-queue";
pub(super) const VERSION: &str = "x-consumer-version";
pub(super) const EFFECTS_DONE: &str = "x-consumer-effects-done";
pub(super) const EFFECTS_UNKNOWN: &str = "x-consumer-effects-unknown";
pub(super) const EFFECTS_COMPENSATED: &str = "x-consumer-effects-compensated";

/// What a copy on the ladder says about itself; see [`Delayed`](super::Delayed).
pub(super) const DELAYED: &str = "x-consumer-delayed";

/// All that copies say about failures.
const OF_THE_FAILURE: [&str; 14] = [
    DELAYED,
    REASON,
    ERROR,
    CLASS,
    KEY,
    ID,
    DEAD_AT,
    ATTEMPTS,
    CONSUMER,
    QUEUE,
    VERSION,
    EFFECTS_DONE,
    EFFECTS_UNKNOWN,
    EFFECTS_COMPENSATED,
];

/// Where the message was published to first.
pub(super) const ORIGIN_EXCHANGE: &str = "x-consumer-origin-exchange";
pub(super) const ORIGIN_ROUTING_KEY: &str = "x-consumer-origin-routing-key";

/// The id of the dead letter that an edited message was.
pub(super) const EDITED_FROM: &str = "x-consumer-edited-from";

/// Headers that had to stay behind, by name.
const LEFT_OUT: &str = "x-consumer-left-out";

/// In front of the name of a property or header that was set aside.
const ORIGINAL: &str = "x-consumer-original-";

/// Headers by which the broker routes, or in which it keeps its own accounts: a copy that carries them goes to other
/// people's queues (`CC`, `BCC`), or passes for one that went round in a circle (`x-death`).
const OF_THE_BROKER: [&str; 11] = [
    "CC",
    "BCC",
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-delivery-count",
    "x-acquired-count",
];

/// Those that every quorum queue writes anew.
const COUNTS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// Properties by which the broker acts, as their headers name them.
const PROPERTIES: [&str; 4] = ["user-id", "expiration", "reply-to", "delivery-mode"];

/// A `reply_to` that only the connection of its publisher may use.
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to";

const PERSISTENT: u8 = 2;

/// What properties and headers may take: a frame of 128 KiB, without what a broker adds when it moves a message on.
pub(super) const FRAME_ROOM: usize = (128 - 8) * 1024;

/// Room that is always left for an error text.
pub(super) const MIN_ERROR: usize = 1024;

/// Headers up to this size that carry the envelope, or that are ours, are never left out.
const MAX_KEPT: usize = 2048;

impl Message {
    /// A copy of this message, consumed from `queue`, for another queue: dead letters and waits are made of it.
    ///
    /// The body is the same byte for byte, and so are all properties and headers but those that the broker acts on. Their
    /// values move to headers `x-consumer-original-…`: `user_id` (another user's is refused), `expiration` (it would empty
    /// the other queue), `CC`, `BCC`, a direct `reply_to`, `x-death` and what else the broker counts in headers. The copy
    /// is persistent, and says where it was first published in `x-consumer-origin-exchange` and
    /// `x-consumer-origin-routing-key`.
    ///
    /// A copy of a copy keeps what the first one said. It is told by the road it came: ours are published straight to
    /// their queue. On any other road such headers are a publisher's invention, and what the message really was replaces
    /// them.
    ///
    /// Headers that leave no room in a frame for ours stay behind, the largest first, never those that carry the
    /// identity; `x-consumer-left-out` names them.
    #[must_use]
    pub fn copy_from(&self, queue: &str) -> Self {
        let mut copy = carry_over(self, queue);
        shrink(&mut copy, FRAME_ROOM);
        copy
    }

    /// This dead letter, as it goes back to its queue: without what it says about the failure.
    ///
    /// What was set aside stays so: by now it is we who publish, and the broker would act on it. A message that the broker
    /// itself has dead-lettered is as it came; it is copied as one that was consumed from the queue it died in.
    #[must_use]
    pub fn redriven(&self) -> Self {
        let mut message = self.clone();
        // What the dead-letter queue has counted, not what it said when it came.
        COUNTS.into_iter().for_each(|name| drop(message.headers.remove(name)));
        let mut message = match Death::last(&self.headers) {
            Some(death) => message.revived(&death),
            None => message,
        };
        OF_THE_FAILURE.into_iter().for_each(|name| drop(message.headers.remove(name)));
        message
    }

    fn revived(mut self, death: &Death<'_>) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (self.exchange, self.routing_key) = (text(death.exchange), text(death.routing_key));
        self.copy_from(death.queue.unwrap_or_default())
    }

    /// What properties and headers take in their frame.
    pub(super) fn header_frame_len(&self) -> usize {
        self.properties.encoded_len() + self.headers.encoded_len()
    }
}

/// The copy, whatever its size.
pub(super) fn carry_over(message: &Message, queue: &str) -> Message {
    let mut copy = message.clone();
    let is_copy = message.exchange.is_empty() && message.routing_key == queue;
    let aside = set_aside(&mut copy).into_iter().map(|(name, value)| (format!("{ORIGINAL}{name}"), value));
    let origin = [
        (ORIGIN_EXCHANGE.to_owned(), message.exchange.as_str().into()),
        (ORIGIN_ROUTING_KEY.to_owned(), message.routing_key.as_str().into()),
    ];
    for (name, value) in aside.chain(origin) {
        if !(is_copy && copy.headers.get(&name).is_some()) {
            copy.headers.insert(name, value);
        }
    }
    if !is_copy {
        copy.headers.remove(EDITED_FROM);
    }
    copy.properties.delivery_mode = Some(PERSISTENT);
    copy
}

/// Takes out what the broker would act on.
fn set_aside(copy: &mut Message) -> Vec<(&'static str, HeaderValue)> {
    let properties = &mut copy.properties;
    let direct = properties.reply_to.take_if(|queue| queue.starts_with(DIRECT_REPLY));
    let transient = properties.delivery_mode.take_if(|mode| *mode != PERSISTENT);
    let values = [
        properties.user_id.take().map(HeaderValue::Text),
        properties.expiration.take().map(HeaderValue::Text),
        direct.map(HeaderValue::Text),
        transient.map(|mode| i64::from(mode).into()),
    ];
    let named = PROPERTIES.into_iter().zip(values);
    let mut aside: Vec<_> = named.filter_map(|(name, value)| Some((name, value?))).collect();
    aside.extend(OF_THE_BROKER.into_iter().filter_map(|name| Some((name, copy.headers.remove(name)?))));
    aside
}

/// Leaves out headers until the rest fits into `room`.
pub(super) fn shrink(message: &mut Message, room: usize) {
    let mut length = message.header_frame_len();
    if length <= room {
        return;
    }
    // The list of names takes room itself.
    let room = room.saturating_sub(MAX_KEPT);
    let mut left_out: Vec<_> = message.headers.text(LEFT_OUT).map(str::to_owned).into_iter().collect();
    for (size, name) in largest_first(&message.headers) {
        if length <= room {
            break;
        }
        message.headers.remove(&name);
        length -= size;
        left_out.push(printable::excerpt(&name));
    }
    message.headers.insert(LEFT_OUT, printable::plain(&left_out.join(", "), MAX_KEPT / 2));
}

/// The headers that may stay behind.
fn largest_first(headers: &Headers) -> Vec<(usize, String)> {
    let mut sizes: Vec<_> = headers
        .iter()
        .map(|(name, value)| (Headers::entry_len(name, value), name))
        .filter(|(size, name)| *size > MAX_KEPT || !(is_ours(name) || envelope::is_read(name)))
        .map(|(size, name)| (size, name.to_owned()))
        .collect();
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    sizes
}

/// Whether it is one of a fixed list, so that all of these have room together.
fn is_ours(name: &str) -> bool {
    const OURS: [&str; 4] = [ORIGIN_EXCHANGE, ORIGIN_ROUTING_KEY, EDITED_FROM, LEFT_OUT];
    let original = name.strip_prefix(ORIGINAL);
    OURS.contains(&name)
        || OF_THE_FAILURE.contains(&name)
        || original.is_some_and(|name| OF_THE_BROKER.contains(&name) || PROPERTIES.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::{
        classify::Class,
        message::{Aftermath, ClaimKey, DeadLetter, Properties, Reason, death::record},
    };

    fn everything() -> Message {
        let text = |text: &str| Some(text.to_owned());
        Message {
            properties: Properties {
                content_type: text("application/json"),
                content_encoding: text("utf-8"),
                delivery_mode: Some(1),
                priority: Some(3),
                correlation_id: text("order-7"),
                reply_to: text("answers"),
                expiration: text("60000"),
                message_id: text("evt-1"),
                timestamp: Some(1_700_000_000),
                message_type: text("payment.captured"),
                user_id: text("shop"),
                app_id: text("checkout"),
                cluster_id: text("c"),
            },
            headers: [
                ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
                ("CC", HeaderValue::Array(vec!["audit".into()])),
                ("BCC", HeaderValue::Array(vec!["secret".into()])),
                ("x-death", HeaderValue::Array(vec![])),
                ("x-first-death-queue", "wait".into()),
                ("x-delivery-count", 7.into()),
                ("tenant", "a".into()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
            body: Bytes::from_static(b"\x00\xff{}"),
            exchange: "payments".to_owned(),
            routing_key: "payment.captured".to_owned(),
        }
    }

    /// What the broker delivers after a message was published straight to `queue`.
    fn through(message: &Message, queue: &str) -> Message {
        Message { exchange: String::new(), routing_key: queue.to_owned(), ..message.clone() }
    }

    fn letter(error: &str) -> DeadLetter<'_> {
        DeadLetter {
            reason: Reason::AttemptsExhausted,
            error,
            class: Some(Class::TimeLimit),
            key: ClaimKey::from_bytes([0xab; 16]),
            id: Some("/shop evt-1"),
            dead_at: Duration::from_millis(1_700_000_000_900),
            attempts: 3,
            consumer: "ledger",
            queue: "payments.in",
            effects: Aftermath { done: vec!["charge".to_owned()], ..Aftermath::default() },
        }
    }

    #[test]
    fn a_copy_loses_nothing_but_what_the_broker_acts_on() {
        let message = everything();
        let copy = message.copy_from("payments.in");
        let mut properties = message.properties.clone();
        (properties.user_id, properties.expiration, properties.delivery_mode) = (None, None, Some(2));
        assert_eq!(copy.properties, properties);
        assert_eq!(copy.body, message.body);
        let kept: Vec<_> = copy.headers.iter().filter(|(name, _)| !name.starts_with("x-consumer-")).collect();
        assert_eq!(
            kept,
            message
                .headers
                .iter()
                .filter(|(name, _)| ["tenant", "traceparent"].contains(name))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_the_broker_acts_on_is_set_aside() {
        let message = everything();
        let copy = message.copy_from("payments.in");
        let original = |name: &str| copy.headers.get(&format!("x-consumer-original-{name}"));
        assert_eq!(original("user-id"), Some(&"shop".into()));
        assert_eq!(original("expiration"), Some(&"60000".into()));
        assert_eq!(original("delivery-mode"), Some(&1.into()));
        assert_eq!(original("reply-to"), None);
        for name in ["CC", "BCC", "x-death", "x-first-death-queue", "x-delivery-count"] {
            assert_eq!(original(name), message.headers.get(name), "{name}");
        }
        assert_eq!(copy.headers.text("x-consumer-origin-exchange"), Some("payments"));
        assert_eq!(copy.headers.text("x-consumer-origin-routing-key"), Some("payment.captured"));
    }

    #[test]
    fn a_direct_reply_queue_is_nobody_elses() {
        let mut message = everything();
        message.properties.reply_to = Some("amq.rabbitmq.reply-to.g1h2AA5yZXBseUA".to_owned());
        let copy = message.copy_from("payments.in");
        assert_eq!(copy.properties.reply_to, None);
        let original = copy.headers.text("x-consumer-original-reply-to");
        assert_eq!(original, message.properties.reply_to.as_deref());
    }

    #[test]
    fn a_dead_letter_says_why() {
        let letter = letter("no such \u{1b}[31maccount\u{1b}[0m\n").of(&everything());
        let header = |name: &str| letter.headers.get(name).cloned();
        assert_eq!(header("x-consumer-reason"), Some("attempts-exhausted".into()));
        assert_eq!(header("x-consumer-error"), Some("no such account ".into()));
        assert_eq!(header("x-consumer-class"), Some("time-limit".into()));
        assert_eq!(header("x-consumer-key"), Some("ab".repeat(16).into()));
        assert_eq!(header("x-consumer-id"), Some("/shop evt-1".into()));
        assert_eq!(header("x-consumer-dead-at"), Some(1_700_000_000.into()));
        assert_eq!(header("x-consumer-attempts"), Some(3.into()));
        assert_eq!(header("x-consumer-name"), Some("ledger".into()));
        assert_eq!(header("x-consumer-queue"), Some("payments.in".into()));
        assert_eq!(header("x-consumer-effects-done"), Some("charge".into()));
        assert_eq!(header("x-consumer-version"), Some(env!("CARGO_PKG_VERSION").into()));
    }

    #[test]
    fn a_copy_of_a_copy_still_knows_the_first() {
        let first = letter("x").of(&everything());
        let mut again = through(&first.redriven(), "payments.in");
        again.headers.insert("x-death", HeaderValue::Array(vec!["the wait queue's".into()]));
        again.headers.insert("x-delivery-count", 1);
        let second = letter("x").of(&through(&again.copy_from("payments.in"), "payments.in"));
        assert_eq!(second.headers, first.headers);
        assert_eq!((second.properties, second.body), (first.properties, first.body));
    }

    #[test]
    fn a_redriven_message_says_nothing_of_its_failure() {
        let redriven = letter("x").of(&everything()).redriven();
        assert_eq!(redriven, everything().copy_from("payments.in"));
    }

    #[test]
    fn a_look_into_the_dead_letter_queue_is_not_counted_in_another() {
        let letter = letter("x").of(&everything());
        let mut seen = letter.clone();
        seen.headers.insert("x-delivery-count", 3);
        assert_eq!(seen.redriven(), letter.redriven());
    }

    /// It still is as its publisher made it: another user's id is refused, its expiration would throw it away.
    #[test]
    fn a_message_that_the_broker_gave_up_goes_back_as_a_copy_of_what_it_was() {
        let mut message = everything();
        for name in ["x-death", "x-first-death-queue", "x-delivery-count"] {
            message.headers.remove(name);
        }
        let died =
            HeaderValue::Array(vec![record("payments.in", "delivery_limit", "payments", "payment.captured")]);
        let mut letter = through(&message, "payments.in.dlq");
        letter.headers.insert("x-death", died.clone());
        letter.headers.insert("x-consumer-reason", "forged");
        letter.headers.insert("x-consumer-origin-exchange", "forged");
        let mut expected = message.copy_from("payments.in");
        expected.headers.insert("x-consumer-original-x-death", died);
        assert_eq!(letter.redriven(), expected);
    }

    #[test]
    fn a_publisher_cannot_write_our_headers() {
        let mut forged = everything();
        let ours = [
            "reason",
            "error",
            "class",
            "key",
            "id",
            "dead-at",
            "attempts",
            "name",
            "queue",
            "version",
            "origin-exchange",
            "origin-routing-key",
            "effects-done",
            "effects-unknown",
            "effects-compensated",
        ];
        for name in
            ours.into_iter().chain(["edited-from", "original-expiration", "original-user-id", "original-CC"])
        {
            forged.headers.insert(format!("x-consumer-{name}"), HeaderValue::Bool(true));
        }
        assert_eq!(letter("x").of(&forged).headers, letter("x").of(&everything()).headers);
        let unread =
            |message: &Message| DeadLetter { class: None, id: None, ..letter("x") }.of(message).headers;
        assert_eq!(unread(&forged), unread(&everything()));
        for unknown in ["x-consumer-class", "x-consumer-id"] {
            assert_eq!(unread(&forged).get(unknown), None);
        }
    }

    #[test]
    fn an_id_that_fills_its_limit_is_cut() {
        let id = "i".repeat(2000);
        let letter = DeadLetter { id: Some(&id), ..letter("x") }.of(&everything());
        let id = letter.headers.text("x-consumer-id").expect("the id is there");
        assert!(id.len() <= 1024 && id.ends_with("bytes cut]"), "{id}");
    }

    #[test]
    fn a_huge_error_leaves_room_in_the_frame() {
        let error = "é\u{0}".repeat(1024 * 1024);
        let letter = letter(&error).of(&everything());
        let text = letter.headers.text("x-consumer-error").expect("the error is there");
        assert!(letter.header_frame_len() <= FRAME_ROOM && text.len() <= 16 * 1024, "{}", text.len());
        assert!(text.ends_with("bytes cut]"), "{}", &text[text.len() - 40..]);
    }

    #[test]
    fn headers_that_fill_the_frame_cannot_stop_the_dead_letter() {
        let sizes = [(1, 127 * 1024), (127, 1000), (3000, 27), (2, 64 * 1024)];
        for (count, size) in sizes {
            let mut message = everything();
            message.headers.insert("cloudEvents_id", "evt-1");
            for i in 0..count {
                message.headers.insert(format!("junk-{i}"), "j".repeat(size));
            }
            message.headers.insert("cloudEvents_source", "s".repeat(1000));
            message.headers.insert("x-consumer-queue", "q".repeat(5000));
            let letter = letter(&"e".repeat(5000)).of(&message);
            assert!(letter.header_frame_len() <= FRAME_ROOM, "{}", letter.header_frame_len());
            assert!(letter.headers.text("x-consumer-error").is_some_and(|error| error.len() > 900));
            assert!(
                letter.headers.text("x-consumer-left-out").is_some_and(|names| names.starts_with("junk-"))
            );
            for kept in ["cloudEvents_id", "cloudEvents_source", "traceparent"] {
                assert_eq!(letter.headers.get(kept), message.headers.get(kept), "{kept}");
            }
            assert_eq!(letter.headers.text("x-consumer-queue"), Some("payments.in"));
        }
    }
}
