//! An outlet: a table of events, a queue of RabbitMQ behind it, and what has come out.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{
    Broker, RabbitMq, Storage,
    broker::{Binding, QueueSpec, Settlement, Subscription},
    message::Message,
    outbox::{Listed, OutboxEvent, Relay, Route, Standing, Survey},
    prelude::*,
    sqlx::{self, MySqlPool, PgPool, SqlitePool, pool::PoolOptions},
};
use consumer_core::{outbox::Filter, storage::UnitLimits};
use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore, sqlite::SqliteStore};
use tokio::{sync::Notify, task::JoinHandle};

use crate::database::fresh_name;

/// As long as nothing here takes.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// What a producer has noted about a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "noted", version = 1)]
pub struct Noted {
    /// Whose timeline it is.
    #[event(key)]
    pub key: String,
    /// Who wrote it.
    pub writer: u32,
}

/// A store with a pool beside it, as an application has both.
pub trait Outlet: Storage {
    /// The application's own pool.
    type Pool: Clone + Send + Sync + 'static;

    /// Connects, and creates the tables.
    fn connect(url: &str) -> impl Future<Output = (Self, Self::Pool)> + Send;

    /// Writes events in one transaction of the application's, which takes this long.
    fn note(
        &self,
        pool: &Self::Pool,
        events: &[Noted],
        route: &Route,
        takes: Duration,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

macro_rules! outlet {
    ($store:ty, $pool:ty, $begin:literal) => {
        impl Outlet for $store {
            type Pool = $pool;

            async fn connect(url: &str) -> (Self, $pool) {
                let store = <$store>::connect(url).await.expect("a database");
                store.prepare().await.expect("the tables");
                let pool = PoolOptions::new().max_connections(4).connect(url).await.expect("a pool");
                (store, pool)
            }

            async fn note(
                &self,
                pool: &$pool,
                events: &[Noted],
                route: &Route,
                takes: Duration,
            ) -> Result<(), sqlx::Error> {
                let mut tx = pool.begin_with($begin).await?;
                for event in events {
                    if let Err(error) = self.publish_to(&mut tx, event, route.clone()).await {
                        return Err(sqlx::Error::Protocol(format!("{error:?}")));
                    }
                }
                tokio::time::sleep(takes).await;
                tx.commit().await
            }
        }
    };
}

outlet!(PgStore, PgPool, "BEGIN");
outlet!(MySqlStore, MySqlPool, "START TRANSACTION");
outlet!(SqliteStore, SqlitePool, "BEGIN IMMEDIATE");

/// Every row of the outbox.
///
/// # Panics
/// If the database does not answer.
pub async fn rows<S: Outlet>(store: &S) -> Vec<Listed> {
    let filter = Filter { standings: Vec::new(), id: None, limit: 1_000_000 };
    let mut session = store.open(LIMITS).await.expect("a session");
    store.list_outbox(&mut session, &filter).await.expect("rows")
}

/// How the outbox is doing.
///
/// # Panics
/// If the database does not answer.
pub async fn survey<S: Outlet>(store: &S) -> Survey {
    let mut session = store.open(LIMITS).await.expect("a session");
    store.survey_outbox(&mut session).await.expect("a survey")
}

/// A queue that takes the events of one test, and notes what arrives.
pub struct Inlet {
    /// Where it is bound on the relay's exchange.
    pub routing_key: String,
    /// The queue.
    pub queue: String,
    broker: RabbitMq,
    arrived: Arc<Mutex<Vec<Message>>>,
    arrival: Arc<Notify>,
    reading: Mutex<Option<JoinHandle<()>>>,
}

impl Inlet {
    /// A fresh queue, bound; nothing is read from it yet.
    ///
    /// # Panics
    /// If the broker takes no queue.
    pub async fn bind(broker: &RabbitMq) -> Self {
        Self::bind_to(broker, fresh_name()).await
    }

    /// Another queue, which takes the same.
    ///
    /// # Panics
    /// If the broker takes no queue.
    pub async fn copy(&self) -> Self {
        Self::bind_to(&self.broker, self.routing_key.clone()).await
    }

    async fn bind_to(broker: &RabbitMq, routing_key: String) -> Self {
        let mut spec = QueueSpec::new(format!("{}.events", fresh_name()));
        let exchange = Relay::DEFAULT_EXCHANGE.to_owned();
        spec.bindings.push(Binding { exchange, routing_key: routing_key.clone() });
        broker.prepare(std::slice::from_ref(&spec)).await.expect("a queue");
        Self {
            routing_key,
            queue: spec.name,
            broker: broker.clone(),
            arrived: Arc::default(),
            arrival: Arc::default(),
            reading: Mutex::default(),
        }
    }

    /// Reads from now on.
    ///
    /// # Panics
    /// If the queue cannot be consumed.
    pub async fn read(&self) {
        let mut deliveries = self.broker.subscribe(&QueueSpec::new(&self.queue), 500).await.expect("a queue");
        let (arrived, arrival) = (self.arrived.clone(), self.arrival.clone());
        let reading = tokio::spawn(async move {
            while let Some(delivery) = deliveries.next().await {
                arrived.lock().expect("no panic").push((*delivery.message).clone());
                arrival.notify_one();
                delivery.settle(Settlement::Ack, Box::new(|_| {}));
            }
        });
        *self.reading.lock().expect("no panic") = Some(reading);
    }

    /// Where its events go.
    pub fn route(&self) -> Route {
        Route::new().routing_key(&self.routing_key)
    }

    /// How many messages have arrived so far.
    ///
    /// # Panics
    /// Never, unless the reader has.
    pub fn count(&self) -> usize {
        self.arrived.lock().expect("no panic").len()
    }

    /// Waits for a message beyond so many; for one caller at a time.
    pub async fn more_than(&self, count: usize) {
        while self.count() <= count {
            self.arrival.notified().await;
        }
    }

    /// What has arrived so far, in order.
    ///
    /// # Panics
    /// Never, unless the reader has.
    pub fn arrived(&self) -> Vec<Message> {
        self.arrived.lock().expect("no panic").clone()
    }
}

/// What came out, compared with the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Rows of the table.
    pub rows: usize,
    /// Messages with the id of a row, each id once.
    pub events: usize,
    /// Messages that came again.
    pub repeated: usize,
}

/// Holds the arrivals against the rows.
///
/// # Panics
/// If a row that is sent has not arrived, a message has an id that no row has, an event was overtaken by a later one of its key
/// (I8), or the numbers of a key have a gap.
pub fn compare(rows: &[Listed], arrived: &[Message]) -> Report {
    let mut first: HashMap<&str, (usize, i64)> = HashMap::new();
    for (at, message) in arrived.iter().enumerate() {
        let id = message.properties.message_id.as_deref().expect("an id");
        let number = message.headers.get("x-event-sequence").and_then(|number| number.as_i64());
        first.entry(id).or_insert((at, number.unwrap_or(0)));
    }
    let known: HashMap<String, &OutboxEvent> =
        rows.iter().map(|listed| (listed.row.event.id.to_string(), &listed.row.event)).collect();
    let strangers = first.keys().filter(|id| !known.contains_key(**id)).count();
    assert_eq!(strangers, 0, "I4: messages with an id that no row has");
    let mut keys: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for listed in rows.iter().filter(|listed| listed.standing == Standing::Sent) {
        let event = &listed.row.event;
        let found = first.get(event.id.to_string().as_str()).copied();
        let (at, number) =
            found.unwrap_or_else(|| panic!("I4: event {} is marked sent and never arrived", event.id));
        let key = event.key.as_deref().expect("a key");
        if let Some((before, last)) = keys.insert(key, (at, number)) {
            assert!(before < at, "I8: event {number} of key {key} came before event {last}");
            assert_eq!(number, last + 1, "a gap in the numbers of key {key}");
        } else {
            assert_eq!(number, 1, "key {key} does not begin with 1");
        }
    }
    Report { rows: rows.len(), events: first.len(), repeated: arrived.len() - first.len() }
}
