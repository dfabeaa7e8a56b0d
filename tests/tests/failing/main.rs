//! Failing well, on real servers: storms, poison, wrong deploys, events out of order, strange properties.

mod breaker;
mod deploy;
mod order;
mod poison;
mod properties;
mod redrive;
mod storm;

use std::{env, time::Duration};

use consumer::{
    App, Broker, PgStore, RabbitMq, Result, Runtime, Storage,
    broker::Publication,
    handler::ConsumerConfig,
    message::Message,
    runtime::RuntimeHandle,
    sqlx::{PgConnection, PgPool},
};
use consumer_tests::{
    database::{Database, fresh_name},
    event::Paid,
    servers,
    stage::message,
    wait,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinHandle;

/// How long anything may take that has to happen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Publishes on their way at once.
const IN_FLIGHT: usize = 256;

/// RabbitMQ, a queue of a test's own, and a database.
struct Shop {
    amqp: String,
    queue: String,
    broker: RabbitMq,
    database: Database,
    pool: PgPool,
}

/// A runtime at work.
struct Running {
    handle: RuntimeHandle,
    task: JoinHandle<Result<()>>,
}

impl Shop {
    /// `None` where a server is missing.
    async fn open() -> Option<Self> {
        let (amqp, database) = (servers::need(servers::AMQP)?, Database::postgres().await?);
        let broker = RabbitMq::connect(&amqp).await.expect("RabbitMQ");
        let pool = PgPool::connect(database.url()).await.expect("PostgreSQL");
        Some(Self { amqp, queue: fresh_name(), broker, database, pool })
    }

    async fn execute(&self, sql: &'static str) {
        consumer::sqlx::query(sql).execute(&self.pool).await.expect("a statement");
    }

    async fn count(&self, sql: &'static str) -> i64 {
        consumer::sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a count")
    }

    /// A connection beside the pool.
    async fn connection(&self) -> PgConnection {
        <PgConnection as consumer::sqlx::Connection>::connect(self.database.url()).await.expect("PostgreSQL")
    }

    async fn store(&self) -> PgStore {
        PgStore::connect(self.database.url()).await.expect("PostgreSQL")
    }

    /// Its queue, and whatever else a test wants.
    fn on_its_queue(&self) -> impl Fn(ConsumerConfig) -> ConsumerConfig + use<> {
        let queue = self.queue.clone();
        move |config| config.queue(queue.clone())
    }

    /// Runs an app and waits until it consumes.
    async fn run<S: Storage>(&self, store: S, app: App<S>) -> Running {
        let broker = RabbitMq::connect(&self.amqp).await.expect("RabbitMQ");
        let runtime = Runtime::new(store, broker);
        let handle = runtime.handle();
        let task = tokio::spawn(runtime.run(app).until(std::future::pending()));
        let ready = || handle.health().ready || task.is_finished();
        wait::until("the consumer is ready", PATIENCE, async || ready()).await;
        Running { handle, task }
    }

    /// Publishes messages to the queue, each confirmed.
    async fn publish(&self, messages: impl IntoIterator<Item = Message>) {
        let publications = messages.into_iter().map(|message| {
            let routing_key = self.queue.clone();
            Ok(Publication { exchange: String::new(), routing_key, message })
        });
        let published = stream::iter(publications)
            .try_for_each_concurrent(IN_FLIGHT, |publication| self.broker.publish(publication));
        published.await.expect("confirms");
    }

    async fn depth(&self, queue: &str) -> u64 {
        self.broker.depth(queue).await.expect("an answer").unwrap_or(0)
    }

    async fn dead(&self) -> u64 {
        self.depth(&format!("{}.dlq", self.queue)).await
    }

    /// Waits until the business has so many rows.
    async fn reaches(&self, rows: i64) {
        let effects = async || self.count("SELECT COUNT(*) FROM effects").await;
        wait::until("every event takes effect", PATIENCE, async || effects().await >= rows).await;
        assert_eq!(self.count("SELECT COUNT(*) FROM effects").await, rows);
    }

    /// Every message of a queue, which is empty then.
    async fn take(&self, queue: &str) -> Vec<Message> {
        use consumer::broker::{QueueSpec, Settlement, Subscription, Topology};
        let spec = QueueSpec { topology: Topology::Leave, ..QueueSpec::new(queue) };
        let count = self.depth(queue).await;
        let subscription = self.broker.subscribe(&spec, 1000).await.expect("a queue");
        let mut messages = Vec::new();
        let mut subscription = subscription;
        while (messages.len() as u64) < count {
            let delivery = subscription.next().await.expect("it is not cancelled");
            messages.push((*delivery.message).clone());
            delivery.settle(Settlement::Ack, Box::new(|_| {}));
        }
        messages
    }
}

impl Running {
    async fn stop(self) {
        self.handle.stop();
        self.task.await.expect("the runtime does not panic").expect("a good end");
    }
}

/// An event like any other.
fn paid(id: impl std::fmt::Display) -> Message {
    of(&Paid::new(id.to_string()))
}

fn of(event: &Paid) -> Message {
    let body = serde_json::to_string(event).expect("an event is JSON");
    message(&event.payment, "payment.captured", &body)
}

/// A number that a longer run may raise.
fn number(variable: &str, default: usize) -> usize {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

const EFFECTS: &str = "CREATE TABLE effects (consumer text NOT NULL, id text NOT NULL, pid int NOT NULL)";

/// Where nothing is left: neither waiting, nor on its way.
async fn drained(shop: &Shop, queues: &[String]) {
    let left = async || {
        let depths = stream::iter(queues).then(|queue| shop.depth(queue)).collect::<Vec<_>>();
        depths.await.into_iter().sum::<u64>()
    };
    wait::until("the queues are empty", PATIENCE, async || left().await == 0).await;
}
