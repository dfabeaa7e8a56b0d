//! A stage: a storage, a broker, a dead-letter queue, and a process that consumes what is redriven.

use std::time::{Duration, SystemTime};

use consumer_core::{
    Broker, Class, Result, Runtime, Storage,
    broker::{Publication, QueueSpec},
    doctor::Deployment,
    failure::{FailureRecord, News, Wanted},
    inbox::{Claim, ConsumerId},
    memory::MemoryBroker,
    message::{ClaimKey, DeadLetter, EventId, Fingerprint, Message, Reason},
    operate::DeadLetters,
    outbox::Relay,
    runtime::RuntimeHandle,
    storage::{ConsumerName, Extent, FailureStorage, Sessions, UnitLimits},
    testing::{MemorySession, MemoryStore},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    SECOND,
    ledger::{Repair, app},
};

pub(crate) const QUEUE: &str = "payments";
pub(crate) const DEAD: &str = "payments.dlq";
pub(crate) const BODY: &str = r#"{"cents":1}"#;

/// What outlives every person.
pub(crate) struct Stage {
    pub(crate) store: MemoryStore,
    pub(crate) broker: MemoryBroker,
    pub(crate) ledger: ConsumerId,
}

impl Stage {
    /// With a consumer that has run before, and does not now.
    pub(crate) async fn new() -> Self {
        let (store, broker) = (MemoryStore::new(), MemoryBroker::new());
        broker.prepare(&[QueueSpec::new(QUEUE)]).await.expect("queues");
        let ids = store.enroll(&[ConsumerName { name: "ledger", aliases: &[] }]).await.expect("enrolled");
        let deployment = Deployment::unknown("ledger", QUEUE).to_json();
        store.note_deployments(&[("ledger", deployment)]).await.expect("noted");
        Self { store, broker, ledger: ids[0] }
    }

    /// A person with a connection of their own.
    pub(crate) fn person(&self) -> DeadLetters<MemoryStore, MemoryBroker> {
        DeadLetters::new(self.store.clone(), self.broker.connect(), DEAD)
    }

    /// The consumer's process.
    pub(crate) async fn start(&self, repair: &Repair) -> RuntimeHandle {
        let runtime = Runtime::new(self.store.clone(), self.broker.connect()).relay(Relay::off());
        let handle = runtime.handle();
        let running: JoinHandle<Result<()>> =
            tokio::spawn(runtime.run(app(repair)).until(std::future::pending()));
        wait("the start", || handle.health().ready || running.is_finished()).await;
        assert!(!running.is_finished(), "{:?}", running.await);
        handle
    }

    pub(crate) async fn publish(&self, queue: &str, message: Message) {
        let publication = Publication { exchange: String::new(), routing_key: queue.to_owned(), message };
        self.broker.publish(publication).await.expect("a queue");
    }

    /// A letter in the dead-letter queue, with its failure record.
    pub(crate) async fn bury(&self, id: &str, reason: Reason, age: Duration) -> ClaimKey {
        let letter = letter(id, reason, age);
        self.publish(DEAD, letter).await;
        let news = News {
            attempts: 3,
            class: Class::Transient,
            error: "no such account",
            wanted: Wanted::Dead(reason),
            event_id: id,
            event_type: "payment",
        };
        let key = event(id).key();
        let mut session = self.session().await;
        let recorded = self.store.record_failure(&mut session, self.ledger, key, &news).await;
        recorded.expect("recorded");
        key
    }

    /// So many of them, young and exhausted.
    pub(crate) async fn bury_all(&self, count: usize) -> Vec<String> {
        let ids: Vec<String> = (0..count).map(|number| format!("evt-{number:05}")).collect();
        for id in &ids {
            self.bury(id, Reason::AttemptsExhausted, SECOND).await;
        }
        ids
    }

    /// Another delivery of the event was processed.
    pub(crate) async fn process(&self, id: &str, body: &str) {
        let mut session = self.session().await;
        let claim = Claim::new(self.ledger, &event(id), Fingerprint::of(body.as_bytes()));
        let mut tx = self.store.begin(&mut session, Extent::One).await.expect("begun");
        self.store.claim(&mut tx, &claim).await.expect("claimed");
        self.store.commit(tx, &Default::default()).await;
    }

    pub(crate) async fn record(&self, id: &str) -> Option<FailureRecord> {
        let found = self.store.find_failure(&mut self.session().await, self.ledger, event(id).key()).await;
        found.expect("the database")
    }

    pub(crate) async fn session(&self) -> MemorySession {
        let limits = UnitLimits { handler: SECOND, grace: SECOND };
        self.store.open(limits).await.expect("a session")
    }

    /// The ids of what waits in a queue, in order.
    pub(crate) fn ids(&self, queue: &str) -> Vec<String> {
        let messages = self.broker.messages(queue).into_iter();
        messages.map(|message| message.properties.message_id.unwrap_or_default()).collect()
    }

    /// The same, once nobody has any in hand.
    pub(crate) async fn settled(&self, queue: &str) -> Vec<String> {
        wait("everybody's hands to be empty", || self.broker.unacked(queue) == 0).await;
        self.ids(queue)
    }
}

pub(crate) fn event(id: &str) -> EventId {
    EventId { source: String::new(), id: id.to_owned() }
}

/// What a consumer takes.
pub(crate) fn message(id: &str, body: &str) -> Message {
    let mut message = Message { body: body.to_owned().into(), ..Message::default() };
    message.properties.message_id = Some(id.to_owned());
    message.properties.message_type = Some("payment".to_owned());
    message
}

pub(crate) fn letter(id: &str, reason: Reason, age: Duration) -> Message {
    let letter = DeadLetter {
        reason,
        error: "no such account",
        class: Some(Class::Transient),
        key: event(id).key(),
        id: Some(id),
        dead_at: wall() - age,
        attempts: 3,
        consumer: "ledger",
        queue: QUEUE,
        effects: Default::default(),
    };
    letter.of(&message(id, BODY))
}

pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock that runs")
}

/// Waits for a condition.
pub(crate) async fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + 600 * SECOND;
    while !condition() {
        assert!(Instant::now() < patience, "waited in vain for {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
