//! A queue of a test's own in RabbitMQ, with letters behind it.

use std::{
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use consumer::{
    Broker, Class, RabbitMq, Storage,
    broker::{Publication, QueueSpec, Settlement, Subscription},
    doctor::Deployment,
    failure::{FailureRecord, News, Wanted},
    message::{DeadLetter, EventId, Fingerprint, Message, Reason},
    storage::{ConsumerName, Extent},
};
use consumer_core::inbox::{Claim, ConsumerId};

use crate::rows;

pub const BODY: &str = r#"{"card":"canary"}"#;
/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A queue, and the consumer of it that a store knows.
pub struct Post {
    pub url: String,
    pub queue: QueueSpec,
    pub consumer: ConsumerId,
    broker: RabbitMq,
}

impl Post {
    /// Skipped where there is no RabbitMQ.
    pub async fn of<S: Storage>(store: &S) -> Option<Self> {
        let Ok(url) = std::env::var("CONSUMER_TEST_AMQP_URL") else {
            println!("skipped: `CONSUMER_TEST_AMQP_URL` is not set");
            return None;
        };
        let queue = QueueSpec::new(format!("cli_{}", &uuid::Uuid::new_v4().simple().to_string()[..16]));
        let broker = RabbitMq::connect(&url).await.expect("RabbitMQ");
        broker.prepare(std::slice::from_ref(&queue)).await.expect("queues");
        let ids = store.enroll(&[ConsumerName { name: "ledger", aliases: &[] }]).await.expect("an id");
        let deployment = Deployment { queue: queue.clone(), ..Deployment::unknown("ledger", &queue.name) };
        store.note_deployments(&[("ledger", deployment.to_json())]).await.expect("noted");
        Some(Self { url, queue, consumer: ids[0], broker })
    }

    /// A letter, with its failure record.
    pub async fn bury<S: Storage>(&self, store: &S, id: &str, reason: Reason, age: Duration) {
        let mut message = Message { body: BODY.into(), ..Message::default() };
        message.properties.message_id = Some(id.to_owned());
        message.properties.message_type = Some("payment.captured".to_owned());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        let letter = DeadLetter {
            reason,
            error: "no such account",
            class: Some(Class::Transient),
            key: event(id).key(),
            id: Some(id),
            dead_at: now - age,
            attempts: 3,
            consumer: "ledger",
            queue: &self.queue.name,
            effects: Default::default(),
        };
        self.publish(&self.queue.dead_letter, letter.of(&message)).await;
        let news = News {
            attempts: 3,
            class: Class::Transient,
            error: "no such account",
            wanted: Wanted::Dead(reason),
            event_id: id,
            event_type: "payment.captured",
        };
        let mut session = rows::session(store).await;
        let recorded = store.record_failure(&mut session, self.consumer, event(id).key(), &news).await;
        recorded.expect("recorded");
    }

    async fn publish(&self, queue: &str, message: Message) {
        let publication = Publication { exchange: String::new(), routing_key: queue.to_owned(), message };
        self.broker.publish(publication).await.expect("a queue");
    }

    /// Another delivery of the event was processed.
    pub async fn process<S: Storage>(&self, store: &S, id: &str) {
        let mut session = rows::session(store).await;
        let mut tx = store.begin(&mut session, Extent::One).await.expect("begun");
        let claim = Claim::new(self.consumer, &event(id), Fingerprint::of(BODY.as_bytes()));
        store.claim(&mut tx, &claim).await.expect("claimed");
        store.commit(tx, &Default::default()).await;
    }

    pub async fn record<S: Storage>(&self, store: &S, id: &str) -> Option<FailureRecord> {
        let mut session = rows::session(store).await;
        store.find_failure(&mut session, self.consumer, event(id).key()).await.expect("the database")
    }

    /// Takes so many messages out of a queue.
    pub async fn take(&self, queue: &str, count: usize) -> Vec<Message> {
        let spec = QueueSpec { topology: consumer::broker::Topology::Leave, ..QueueSpec::new(queue) };
        let mut deliveries = self.broker.subscribe(&spec, 1).await.expect("subscribed");
        let mut taken = Vec::new();
        for _ in 0..count {
            let delivery = deliveries.next().await.expect("a message");
            taken.push((*delivery.message).clone());
            delivery.settle(Settlement::Ack, Box::new(|_| {}));
        }
        taken
    }

    /// Takes all that waits in a queue.
    pub async fn take_all(&self, queue: &str) -> Vec<Message> {
        let waiting = self.broker.depth(queue).await.expect("RabbitMQ").expect("a queue");
        self.take(queue, usize::try_from(waiting).expect("a count")).await
    }

    /// Waits until at least so many wait in a queue.
    pub async fn holds(&self, queue: &str, least: u64) {
        self.until(queue, |depth| depth >= least).await;
    }

    /// Waits until so many wait in a queue: what was given back is counted a moment later.
    pub async fn reaches(&self, queue: &str, count: u64) {
        self.until(queue, |depth| depth == count).await;
    }

    async fn until(&self, queue: &str, is_met: impl Fn(u64) -> bool) {
        let begun = Instant::now();
        loop {
            let depth = self.broker.depth(queue).await;
            if matches!(depth, Ok(Some(depth)) if is_met(depth)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {queue}: {depth:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let Ok(ctl) = std::env::var("CONSUMER_TEST_RABBITMQCTL") else { return };
        for queue in [&self.queue.name, &self.queue.dead_letter] {
            // Nobody needs it any more, and somebody may have deleted it.
            let _ = Command::new(&ctl).args(["--quiet", "delete_queue", queue]).output();
        }
    }
}

fn event(id: &str) -> EventId {
    EventId { source: String::new(), id: id.to_owned() }
}
