//! The context of one call: what the extractors read.

use std::{
    any::{Any, TypeId, type_name},
    borrow::Cow,
    collections::HashMap,
    fmt, slice,
    sync::Arc,
};

use bytes::Bytes;

use super::sending::Sending;
use crate::{
    effect::{IdempotencyKey, Origin},
    event::EventType,
    message::{Envelope, EventId, Headers, Message},
};

/// The values given by [`App::state`](super::App::state), one per type.
#[derive(Clone, Default)]
pub(crate) struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Adds a value; `false` if there is one of its type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        self.0.insert(TypeId::of::<T>(), Arc::new(value)).is_none()
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// Takes over all of `other`; `false` if both have a value of one type.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        let expected = self.0.len() + other.0.len();
        self.0.extend(other.0);
        self.0.len() == expected
    }
}

/// What an extractor for every `In` is told in a batch.
const NOT_ONE: &str = "`Context::meta` was called for a batch, each event of which has its own: implement the extractor with \
                       `impl<'a, In: OneEvent> Extract<'a, In>`, so that it does not compile beside a `Batch`";

/// What one call of a handler can see beside its event and its connection.
pub struct Context {
    events: Events,
    states: Arc<States>,
    /// The results of the effects that ran before, by name.
    completed: Arc<HashMap<&'static str, Bytes>>,
    /// What an effect is called with; `None` for a handler.
    call: Option<(IdempotencyKey, Bytes)>,
}

/// What a call is about.
enum Events {
    One(About),
    Batch(Vec<About>),
}

/// One event: its envelope, and what is sent on its behalf.
pub(super) struct About {
    meta: Meta,
    sending: Sending,
}

impl About {
    fn new(meta: Meta) -> Self {
        Self { sending: Sending::caused_by(&meta), meta }
    }

    pub(super) fn sending(&self) -> &Sending {
        &self.sending
    }
}

impl Context {
    /// For a handler, with the results of the effects that ran before it.
    pub(crate) fn new(meta: Meta, states: Arc<States>, completed: Arc<HashMap<&'static str, Bytes>>) -> Self {
        Self { events: Events::One(About::new(meta)), states, completed, call: None }
    }

    /// For a handler of a batch: its events, in order.
    pub(crate) fn of_batch(metas: Vec<Meta>, states: Arc<States>) -> Self {
        let events = Events::Batch(metas.into_iter().map(About::new).collect());
        Self { events, states, completed: Arc::default(), call: None }
    }

    /// For a call of an effect.
    pub(crate) fn of_call(self, key: IdempotencyKey, request: Bytes) -> Self {
        Self { call: Some((key, request)), ..self }
    }

    /// What is sent on behalf of the only event.
    pub(crate) fn sending(&self) -> &Sending {
        &self.only().sending
    }

    /// What is sent on behalf of one event of a batch.
    ///
    /// # Panics
    /// If the batch has no such event.
    pub(crate) fn sending_of(&self, index: usize) -> &Sending {
        &self.about()[index].sending
    }

    /// The envelope of one event of a batch.
    pub(crate) fn meta_of(&self, index: usize) -> &Meta {
        &self.about()[index].meta
    }

    /// The envelopes of the events, in order.
    pub(crate) fn metas(&self) -> impl ExactSizeIterator<Item = &Meta> {
        self.about().iter().map(|about| &about.meta)
    }

    /// The events, in order.
    pub(super) fn about(&self) -> &[About] {
        match &self.events {
            Events::One(about) => slice::from_ref(about),
            Events::Batch(all) => all,
        }
    }

    fn only(&self) -> &About {
        match &self.events {
            Events::One(about) => about,
            Events::Batch(_) => panic!("{NOT_ONE}"),
        }
    }

    pub(crate) fn completed(&self, effect: &str) -> Option<&Bytes> {
        self.completed.get(effect)
    }

    pub(crate) fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.call.as_ref().map(|(key, _)| key)
    }

    pub(crate) fn request(&self) -> Option<&Bytes> {
        self.call.as_ref().map(|(_, request)| request)
    }

    /// The envelope of the event, and the attempt.
    ///
    /// # Panics
    /// In a call for a [`Batch`](super::Batch), where each event has its own. Only an extractor for every `In` gets there:
    /// one for [`OneEvent`](super::OneEvent) does not compile beside a batch.
    pub fn meta(&self) -> &Meta {
        &self.only().meta
    }

    /// The state of type `T`, if the app was given one.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.states.get()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metas: Vec<_> = self.metas().collect();
        f.debug_struct(type_name::<Self>()).field("metas", &metas).finish_non_exhaustive()
    }
}

/// What the envelope says about the event at hand. An extractor: take it by value, or `&Meta`.
///
/// Apart from the id nothing in it is verified: any publisher can write any header.
#[derive(Clone)]
pub struct Meta {
    event: Arc<Facts>,
    attempt: u32,
}

/// What stays the same over all attempts.
struct Facts {
    consumer: Cow<'static, str>,
    id: EventId,
    event_type: Cow<'static, str>,
    version: u32,
    envelope: Envelope,
    message: Arc<Message>,
    redelivered: bool,
}

impl Meta {
    /// The event's id; unique within its [`source`](Self::source).
    pub fn id(&self) -> &str {
        &self.event.id.id
    }

    /// The event's source; empty where neither the message nor the consumer names one.
    pub fn source(&self) -> &str {
        &self.event.id.source
    }

    /// The name of the event's type.
    pub fn event_type(&self) -> &str {
        &self.event.event_type
    }

    /// The version of the schema that the data was read with.
    pub fn version(&self) -> u32 {
        self.event.version
    }

    /// The business conversation the event belongs to.
    pub fn correlation_id(&self) -> Option<&str> {
        self.event.envelope.correlation_id.as_deref()
    }

    /// The id of the event that caused this one.
    pub fn causation_id(&self) -> Option<&str> {
        self.event.envelope.causation_id.as_deref()
    }

    /// The W3C trace context that the publisher sent.
    pub fn traceparent(&self) -> Option<&str> {
        self.event.envelope.traceparent.as_deref()
    }

    /// How many events led to this one, each published while the one before it was processed.
    pub fn hops(&self) -> u32 {
        self.event.envelope.hops
    }

    /// Which attempt this is, from 1. Conflicts between transactions and outages of the database are not counted.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the broker may have delivered the message before. True after every reconnect: it proves nothing.
    pub fn redelivered(&self) -> bool {
        self.event.redelivered
    }

    /// The message's headers.
    pub fn headers(&self) -> &Headers {
        &self.event.message.headers
    }

    /// The name of the consumer.
    pub fn consumer(&self) -> &str {
        &self.event.consumer
    }

    /// The meta of an event that no broker delivered, for calling a handler in a test.
    ///
    /// ```
    /// # use consumer_core::Meta;
    /// let meta = Meta::for_test("evt-1").correlation_id("order-7").attempt(2).build();
    /// assert_eq!((meta.id(), meta.attempt()), ("evt-1", 2));
    /// ```
    pub fn for_test(id: impl Into<String>) -> MetaBuilder {
        MetaBuilder {
            facts: Facts {
                consumer: Cow::Borrowed("test"),
                id: EventId { source: String::new(), id: id.into() },
                event_type: Cow::Borrowed(""),
                version: 1,
                envelope: Envelope::default(),
                message: Arc::default(),
                redelivered: false,
            },
            attempt: 1,
        }
    }

    pub(crate) fn with_attempt(&self, attempt: u32) -> Self {
        Self { event: Arc::clone(&self.event), attempt }
    }

    pub(crate) fn of_delivery(
        consumer: &'static str,
        id: EventId,
        event_type: EventType,
        envelope: Envelope,
        message: Arc<Message>,
        redelivered: bool,
    ) -> Self {
        let facts = Facts {
            consumer: Cow::Borrowed(consumer),
            id,
            event_type: Cow::Borrowed(event_type.name),
            version: event_type.version,
            envelope,
            message,
            redelivered,
        };
        Self { event: Arc::new(facts), attempt: 1 }
    }

    /// The meta of an event, as the effect ledger has kept it: without its headers.
    pub(crate) fn of_origin(origin: &Origin, attempt: u32) -> Self {
        let envelope = Envelope {
            correlation_id: origin.correlation_id.clone(),
            causation_id: origin.causation_id.clone(),
            traceparent: origin.traceparent.clone(),
            hops: origin.hops,
            ..Envelope::default()
        };
        let facts = Facts {
            consumer: Cow::Owned(origin.consumer.clone()),
            id: EventId { source: origin.source.clone(), id: origin.id.clone() },
            event_type: Cow::Owned(origin.event_type.clone()),
            version: origin.version,
            envelope,
            message: Arc::default(),
            redelivered: false,
        };
        Self { event: Arc::new(facts), attempt }
    }

    /// What of it the effect ledger keeps.
    pub(crate) fn origin(&self) -> Origin {
        let Facts { consumer, id, event_type, version, envelope, .. } = &*self.event;
        Origin {
            consumer: consumer.to_string(),
            source: id.source.clone(),
            id: id.id.clone(),
            event_type: event_type.to_string(),
            version: *version,
            correlation_id: envelope.correlation_id.clone(),
            causation_id: envelope.causation_id.clone(),
            traceparent: envelope.traceparent.clone(),
            hops: envelope.hops,
            fingerprint: None,
        }
    }

    pub(crate) fn event_id(&self) -> &EventId {
        &self.event.id
    }

    pub(crate) fn envelope(&self) -> &Envelope {
        &self.event.envelope
    }
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meta")
            .field("id", &self.event.id)
            .field("type", &self.event.event_type)
            .field("version", &self.event.version)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Meta`] for a test.
pub struct MetaBuilder {
    facts: Facts,
    attempt: u32,
}

impl MetaBuilder {
    /// Sets the event's source.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.facts.id.source = source.into();
        self
    }

    /// Sets the event's type and version.
    #[must_use]
    pub fn event_type(mut self, name: impl Into<String>, version: u32) -> Self {
        self.facts.event_type = Cow::Owned(name.into());
        self.facts.version = version;
        self
    }

    /// Sets the correlation id.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.facts.envelope.correlation_id = Some(id.into());
        self
    }

    /// Sets the headers.
    #[must_use]
    pub fn headers(mut self, headers: Headers) -> Self {
        Arc::make_mut(&mut self.facts.message).headers = headers;
        self
    }

    /// Sets the attempt.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The finished meta.
    pub fn build(self) -> Meta {
        Meta { event: Arc::new(self.facts), attempt: self.attempt }
    }
}
