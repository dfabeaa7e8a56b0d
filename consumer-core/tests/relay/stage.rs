//! A stage for relays: a table, a broker with one queue, and what arrived there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use consumer_core::{
    App, Broker, Event, Result, Runtime,
    broker::QueueSpec,
    event::{DecodeError, EncodeError, EventType},
    memory::MemoryBroker,
    message::Message,
    outbox::{Cause, OutboxEvent, Relay, Route, Standing},
    runtime::RuntimeHandle,
    testing::MemoryStore,
};
use tokio::{task::JoinHandle, time::Instant};

/// The queue that takes everything.
pub(crate) const QUEUE: &str = "events";

/// Something that happened to a key.
pub(crate) struct Happened(pub(crate) Option<String>);

impl Event for Happened {
    const TYPES: &'static [EventType] = &[EventType { name: "happened", version: 1 }];

    fn decode(_: EventType, _: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(None))
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(b"{}".to_vec())
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }

    fn key(&self) -> Option<Cow<'_, str>> {
        self.0.as_deref().map(Cow::Borrowed)
    }
}

/// An event of a key.
pub(crate) fn of(key: &str) -> OutboxEvent {
    to(key, Route::new())
}

/// An event of a key, on a route of its own.
pub(crate) fn to(key: &str, route: Route) -> OutboxEvent {
    OutboxEvent::new(&Happened(Some(key.to_owned())), route, Cause::default()).expect("an event")
}

/// An event without a key.
pub(crate) fn unordered() -> OutboxEvent {
    OutboxEvent::new(&Happened(None), Route::new(), Cause::default()).expect("an event")
}

/// A table and a broker; relays come and go.
pub(crate) struct Stage {
    pub(crate) store: MemoryStore,
    pub(crate) broker: MemoryBroker,
}

/// A process with nothing but a relay.
pub(crate) struct Process {
    pub(crate) handle: RuntimeHandle,
    pub(crate) running: JoinHandle<Result<()>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let stage = Self { store: MemoryStore::new(), broker: MemoryBroker::new() };
        stage.bind("#").await;
        stage
    }

    /// Binds the queue for a pattern.
    pub(crate) async fn bind(&self, pattern: &str) {
        let mut queue = QueueSpec::new(QUEUE);
        queue.bindings.push(consumer_core::broker::Binding {
            exchange: Relay::DEFAULT_EXCHANGE.to_owned(),
            routing_key: pattern.to_owned(),
        });
        self.broker.prepare(&[queue]).await.expect("a queue");
    }

    pub(crate) fn start(&self, relay: Relay) -> Process {
        self.start_on(self.broker.connect(), relay)
    }

    pub(crate) fn start_on<B: Broker>(&self, broker: B, relay: Relay) -> Process {
        let runtime = Runtime::new(self.store.clone(), broker).relay(relay);
        let handle = runtime.handle();
        let run = runtime.run(App::new()).until(std::future::pending());
        Process { handle, running: tokio::spawn(run) }
    }

    /// Waits for a condition; ten minutes of tokio's time are the end of patience.
    pub(crate) async fn wait(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let patience = Instant::now() + Duration::from_secs(600);
        while !condition(self) {
            assert!(Instant::now() < patience, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) async fn all_sent(&self) {
        self.wait("all events to leave", |stage| stage.store.unsent() == 0).await;
    }

    /// How many rows are in this state.
    pub(crate) fn standing(&self, standing: Standing) -> usize {
        self.store.written().iter().filter(|listed| listed.standing == standing).count()
    }

    pub(crate) fn refusals(&self) -> u32 {
        self.store.written().iter().map(|listed| listed.row.refusals).sum()
    }

    /// What arrived, in order.
    pub(crate) fn arrived(&self) -> Vec<Message> {
        self.broker.messages(QUEUE)
    }

    /// Every row that is sent arrived, with its own id, its sequence without gaps, and within each key in order.
    pub(crate) fn check(&self) {
        let rows = self.store.written();
        let mut first = BTreeMap::new();
        for (at, message) in self.arrived().iter().enumerate() {
            let id = message.properties.message_id.clone().expect("an id");
            first.entry(id).or_insert((at, message.headers.get("x-event-sequence").and_then(|n| n.as_i64())));
        }
        let known: BTreeSet<_> = rows.iter().map(|listed| listed.row.event.id.to_string()).collect();
        assert!(first.keys().all(|id| known.contains(id)), "an id that no row has");
        let mut last: BTreeMap<String, (usize, i64)> = BTreeMap::new();
        for listed in rows.iter().filter(|listed| listed.standing == Standing::Sent) {
            let arrived = first.get(&listed.row.event.id.to_string()).copied();
            let (at, number) = arrived.expect("a row that is sent has arrived");
            let Some(key) = listed.row.event.key.clone() else { continue };
            let number = number.expect("a number");
            let (before, previous) = last.insert(key, (at, number)).unwrap_or((0, 0));
            assert!(previous == 0 || before < at, "overtaken by a later event of its key");
            assert_eq!(number, previous + 1, "a gap");
        }
    }
}

impl Process {
    /// As `kill -9`: nothing of it goes on.
    pub(crate) async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.is_err_and(|error| error.is_cancelled()));
    }

    pub(crate) async fn stop(self) {
        self.handle.stop();
        self.running.await.expect("no panic").expect("a stop in good order");
    }
}
