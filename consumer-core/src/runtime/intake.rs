//! The intake: a message becomes an event with an identity, or a reason for the dead-letter queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    broker::Delivery,
    event::EventType,
    handler::{Decoded, Meta},
    inbox::{Claim, ConsumerId},
    message::{Envelope, EventId, Fingerprint, Message, Reason, Rejection},
    storage::Storage,
};

use super::consumer::Consumer;

/// A delivery that was read as an event of a consumer.
pub(super) struct Identified {
    pub(super) meta: Meta,
    pub(super) claim: Claim,
    /// The entity whose timeline the event belongs to.
    pub(super) key: Option<String>,
    pub(super) prepared: Prepared,
}

/// The data of an event, ready for its unit.
pub(super) struct Prepared {
    event_type: EventType,
    /// Never locked: an event need not be `Sync`, but the delivery that holds it is borrowed across waits.
    decoded: Mutex<Option<Decoded>>,
}

impl Identified {
    /// Reads a message as an event of this consumer. That runs the user's `Deserialize`, which may panic.
    pub(super) fn read<S: Storage>(consumer: &Consumer<S>, delivery: &Delivery) -> Result<Self, Rejection> {
        let read = catch_unwind(AssertUnwindSafe(|| Self::of(consumer, delivery)));
        read.unwrap_or_else(|_| {
            let detail = "reading it panicked; what the panic said is on the standard error, because it may repeat the data";
            Err(Rejection::new(Reason::Undecodable, detail))
        })
    }

    fn of<S: Storage>(consumer: &Consumer<S>, delivery: &Delivery) -> Result<Self, Rejection> {
        let message = &delivery.message;
        check_damage(delivery)?;
        check_size(message, consumer.config.max_body_bytes)?;
        let mut envelope = Envelope::read(message)?;
        // The meta names the type that is chosen.
        let event_type = select(consumer.types, envelope.event_type.take().as_deref(), envelope.version)?;
        let mut decoded = decode(consumer, event_type, &envelope)?;
        let id = envelope.take_identity(decoded.body_id.take(), &consumer.config.source)?;
        let claim = claim(consumer.id, &id, Fingerprint::of(&envelope.data));
        let meta = Meta::of_delivery(
            consumer.spec.name,
            id,
            event_type,
            envelope,
            Arc::clone(message),
            delivery.redelivered,
        );
        let key = decoded.key.take();
        let prepared = Prepared { event_type, decoded: Mutex::new(Some(decoded)) };
        Ok(Self { meta, claim, key, prepared })
    }
}

impl Prepared {
    /// Refuses the last event of a chain that is too long.
    pub(super) fn check_hops(meta: &Meta, most: u32) -> Result<(), Rejection> {
        let hops = meta.hops();
        if hops <= most {
            return Ok(());
        }
        let detail = format!(
            "{hops} events led to this one, each published while the one before it was processed, and the limit is {most}: two \
             consumers may be answering each other for ever; break the circle, or raise `max_hops`"
        );
        Err(Rejection::new(Reason::HopLimit, detail))
    }

    /// The event for the next attempt; a handler takes it by value, so later attempts decode it again.
    pub(super) fn event<S: Storage>(
        &mut self,
        consumer: &Consumer<S>,
        meta: &Meta,
    ) -> Result<Decoded, Rejection> {
        match self.decoded.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(decoded) => Ok(decoded),
            None => decode(consumer, self.event_type, meta.envelope()),
        }
    }
}

fn check_damage(delivery: &Delivery) -> Result<(), Rejection> {
    match &delivery.damage {
        Some(damage) => Err(Rejection::new(Reason::Undecodable, damage.clone())),
        None => Ok(()),
    }
}

fn check_size(message: &Message, limit: usize) -> Result<(), Rejection> {
    let size = message.body.len();
    if size <= limit {
        return Ok(());
    }
    let detail = format!(
        "the body has {size} bytes, the limit is {limit}; raise `max_body_bytes` or send a reference"
    );
    Err(Rejection::new(Reason::Oversized, detail))
}

/// The schema that a message names, among those that the consumer reads.
fn select(types: &[EventType], name: Option<&str>, version: Option<u32>) -> Result<EventType, Rejection> {
    let unknown = |detail: String| Rejection::new(Reason::UnknownType, detail);
    let name = match (name, types) {
        (Some(name), _) => name,
        (None, [only]) => only.name,
        (None, _) => {
            return Err(unknown(format!("the message names no type; this queue takes {}", list(types))));
        }
    };
    let candidates = || types.iter().filter(|t| t.name == name);
    let latest = candidates().max_by_key(|t| t.version);
    let latest = latest.ok_or_else(|| unknown(format!("type {name:?} is none of {}", list(types))))?;
    let Some(version) = version else { return Ok(*latest) };
    candidates().find(|t| t.version == version).copied().ok_or_else(|| {
        let detail = format!("version {version} of {name:?} cannot be read here, only {}", list(types));
        Rejection::new(Reason::UnsupportedVersion, detail)
    })
}

fn list(types: &[EventType]) -> String {
    types.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ")
}

fn decode<S: Storage>(
    consumer: &Consumer<S>,
    event_type: EventType,
    envelope: &Envelope,
) -> Result<Decoded, Rejection> {
    let malformed = |e| Rejection::new(Reason::Undecodable, format!("`{event_type}` {e}"));
    consumer.handler.decode(event_type, &envelope.data).map_err(malformed)
}

fn claim(consumer: ConsumerId, id: &EventId, fingerprint: Fingerprint) -> Claim {
    if crate::fault::is_mutant("collated-key") {
        let collated = EventId { source: id.source.clone(), id: id.id.trim_end().to_lowercase() };
        return Claim::new(consumer, &collated, fingerprint);
    }
    Claim::new(consumer, id, fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: EventType = EventType { name: "paid", version: 1 };
    const V2: EventType = EventType { name: "paid", version: 2 };
    const OTHER: EventType = EventType { name: "refunded", version: 1 };

    fn reason(result: Result<EventType, Rejection>) -> Reason {
        result.expect_err("a rejection").reason
    }

    #[test]
    fn a_message_without_a_type_is_what_the_only_type_is() {
        assert_eq!(select(&[V1], None, None), Ok(V1));
        assert_eq!(reason(select(&[V1, OTHER], None, None)), Reason::UnknownType);
    }

    #[test]
    fn a_message_without_a_version_is_the_latest() {
        assert_eq!(select(&[V1, V2, OTHER], Some("paid"), None), Ok(V2));
    }

    #[test]
    fn a_type_or_version_nobody_reads_is_never_guessed() {
        assert_eq!(reason(select(&[V1], Some("Paid"), None)), Reason::UnknownType);
        assert_eq!(reason(select(&[V1], Some("paid"), Some(2))), Reason::UnsupportedVersion);
        assert_eq!(select(&[V1, V2], Some("paid"), Some(1)), Ok(V1));
    }
}
