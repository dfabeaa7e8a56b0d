//! Sending: the extractors by which a handler publishes events and schedules effects, and the buffer behind them.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{BatchEffects, BatchOutbox, Context, Effect, Extract, HandlerError, Meta, Needs};
use crate::{
    event::Event,
    outbox::{Cause, OutboxEvent, Route},
};

/// Publishes events with the transaction of the event at hand.
///
/// What is published is a row of the outbox in the handler's transaction: it leaves after the commit, at least once and
/// always with the same id, or not at all. The events of one `#[event(key)]` leave in the order of the commits.
///
/// It is a buffer: a savepoint that the handler rolls back does not take back what was published meanwhile. What cannot be
/// serialised poisons the delivery, which then cannot commit.
///
/// ```
/// # use consumer_core::{handler::{Outbox, Recording}, outbox::Route};
/// # use consumer_core::event::{DecodeError, EncodeError, Event, EventType};
/// # struct BalanceChanged { account: i64 }
/// # impl Event for BalanceChanged {
/// #     const TYPES: &'static [EventType] = &[EventType { name: "balance.changed", version: 1 }];
/// #     fn decode(_: EventType, data: &[u8]) -> Result<Self, DecodeError> {
/// #         Ok(Self { account: String::from_utf8_lossy(data).parse().unwrap_or_default() })
/// #     }
/// #     fn encode(&self) -> Result<Vec<u8>, EncodeError> { Ok(self.account.to_string().into_bytes()) }
/// #     fn event_type(&self) -> EventType { Self::TYPES[0] }
/// # }
/// fn announce(outbox: &Outbox<'_>) {
///     outbox.publish(&BalanceChanged { account: 7 });
///     outbox.publish_to(&BalanceChanged { account: 8 }, Route::new().routing_key("balances.eu"));
/// }
/// # let recording = Recording::new();
/// # announce(&recording.outbox());
/// # assert_eq!(recording.published::<BalanceChanged>().len(), 2);
/// ```
#[derive(Clone, Copy)]
pub struct Outbox<'a>(&'a Sending);

impl<'a> Outbox<'a> {
    pub(super) fn new(sending: &'a Sending) -> Self {
        Self(sending)
    }

    /// Publishes an event where it belongs: see [`Route`].
    pub fn publish<E: Event>(&self, event: &E) {
        self.publish_to(event, Route::new());
    }

    /// Publishes an event along a route.
    pub fn publish_to<E: Event>(&self, event: &E, route: Route) {
        self.0.publish(event, route);
    }
}

/// Schedules effects with the transaction of the event at hand.
///
/// What is scheduled is a row of the effect ledger in the handler's transaction: it is called after the commit, always with
/// the same key and the same bytes, until it succeeds, is refused for good, or reaches its limit.
#[derive(Clone, Copy)]
pub struct Effects<'a> {
    sending: &'a Sending,
    /// Which event of a batch, where several share one buffer.
    item: usize,
}

impl Effects<'_> {
    /// Schedules an effect, once for the event at hand. A second time needs a [label](Self::schedule_labelled), or it poisons
    /// the delivery.
    pub fn schedule<F: Effect>(&self, payload: &F::Payload) {
        self.schedule_labelled::<F>("", payload);
    }

    /// Schedules one of several calls of an effect. The label is part of the key: it must be the same at every attempt.
    pub fn schedule_labelled<F: Effect>(&self, label: impl Into<String>, payload: &F::Payload) {
        self.sending.schedule::<F>(self.item, label.into(), payload);
    }
}

#[diagnostic::do_not_recommend]
impl<'a, E: Event> Extract<'a, E> for Outbox<'a> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(Outbox(cx.sending()))
    }

    fn needs(needs: &mut Needs) {
        needs.outbox();
    }
}

#[diagnostic::do_not_recommend]
impl<'a, E: Event> Extract<'a, E> for Effects<'a> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(cx.sending().effects())
    }
}

/// An effect that a handler has scheduled, before it gets its id and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheduled {
    pub(crate) effect: &'static str,
    pub(crate) label: String,
    pub(crate) request: Vec<u8>,
}

/// The buffer of one unit, and what its events inherit.
#[derive(Default)]
pub(crate) struct Sending {
    /// The event at hand.
    cause: Option<Meta>,
    buffer: Mutex<Buffer>,
}

/// What a handler has sent so far.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) events: Vec<OutboxEvent>,
    pub(crate) scheduled: Vec<Scheduled>,
    labels: BTreeSet<(usize, &'static str, String)>,
    /// The first thing that cannot be sent.
    pub(crate) flaw: Option<String>,
}

impl Sending {
    pub(crate) fn caused_by(meta: &Meta) -> Self {
        Self { cause: Some(meta.clone()), buffer: Mutex::default() }
    }

    pub(crate) fn effects(&self) -> Effects<'_> {
        self.effects_of(0)
    }

    /// Those of one event of a batch, where several share this buffer.
    pub(super) fn effects_of(&self, item: usize) -> Effects<'_> {
        Effects { sending: self, item }
    }

    /// Everything that was sent; the buffer is empty then.
    pub(crate) fn take(&self) -> Buffer {
        std::mem::take(&mut *self.buffer())
    }

    fn publish<E: Event>(&self, event: &E, route: Route) {
        let cause = self.cause.as_ref().map(|meta| Cause {
            correlation_id: meta.correlation_id(),
            event_id: Some(meta.id()),
            traceparent: meta.traceparent(),
            hops: meta.hops(),
        });
        let written = OutboxEvent::new(event, route, cause.unwrap_or_default());
        let mut buffer = self.buffer();
        match written {
            Ok(event) => buffer.events.push(event),
            Err(error) => buffer.spoil(error.to_string()),
        }
    }

    fn schedule<F: Effect>(&self, item: usize, label: String, payload: &F::Payload) {
        let effect = F::SPEC.name;
        let request = serde_json::to_vec(payload);
        let mut buffer = self.buffer();
        match request {
            Ok(_) if !buffer.labels.insert((item, effect, label.clone())) => buffer.spoil(format!(
                "effect `{effect}` was scheduled twice with label {label:?} for one event; give each its own with \
                 `schedule_labelled`, or the provider would take them for one"
            )),
            Ok(request) => buffer.scheduled.push(Scheduled { effect, label, request }),
            Err(error) => buffer.spoil(format!("the payload of effect `{effect}` cannot be serialised: {error}")),
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    fn spoil(&mut self, flaw: String) {
        self.flaw.get_or_insert(flaw);
    }
}

impl fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox")
    }
}

impl fmt::Debug for Effects<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Effects")
    }
}

/// Lends an outbox and effects to a handler that a test calls, and tells what it sent.
///
/// ```
/// # use consumer_core::handler::Recording;
/// let recording = Recording::new();
/// // record_payment(event, &mut conn, recording.outbox(), recording.effects()).await?;
/// assert_eq!(recording.flaw(), None);
/// ```
#[derive(Default)]
pub struct Recording(Sending);

impl Recording {
    /// Nothing sent yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An outbox to lend.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(&self.0)
    }

    /// Effects to lend.
    pub fn effects(&self) -> Effects<'_> {
        self.0.effects()
    }

    /// An outbox to lend to a handler of a batch.
    pub fn batch_outbox(&self) -> BatchOutbox<'_> {
        BatchOutbox::recorded(&self.0)
    }

    /// Effects to lend to a handler of a batch.
    pub fn batch_effects(&self) -> BatchEffects<'_> {
        BatchEffects::recorded(&self.0)
    }

    /// The events of this type that were published, in order.
    ///
    /// # Panics
    /// If one cannot be read back: its `encode` and `decode` disagree.
    pub fn published<E: Event>(&self) -> Vec<E> {
        let buffer = self.0.buffer();
        let read = |event: &OutboxEvent| {
            let known = E::TYPES.iter().find(|t| t.name == event.event_type && t.version == event.version)?;
            Some(E::decode(*known, &event.data).expect("an event reads what it writes"))
        };
        buffer.events.iter().filter_map(read).collect()
    }

    /// Everything that was published, as rows of the outbox.
    pub fn rows(&self) -> Vec<OutboxEvent> {
        self.0.buffer().events.clone()
    }

    /// The payloads that this effect was scheduled with, in order.
    ///
    /// # Panics
    /// If one cannot be read back: its `Serialize` and `Deserialize` disagree.
    pub fn scheduled<F: Effect>(&self) -> Vec<F::Payload> {
        let buffer = self.0.buffer();
        let of_f = buffer.scheduled.iter().filter(|scheduled| scheduled.effect == F::SPEC.name);
        of_f.map(|s| serde_json::from_slice(&s.request).expect("a payload reads what it writes")).collect()
    }

    /// What would keep the delivery from committing.
    pub fn flaw(&self) -> Option<String> {
        self.0.buffer().flaw.clone()
    }
}
