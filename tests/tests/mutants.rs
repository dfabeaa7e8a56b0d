//! The classic mistakes: each test passes, and fails in a build that makes its mistake.
//!
//! A build with `--cfg consumer_faults` makes the mistake that `CONSUMER_MUTANT` names; `cargo xtask mutants` proves
//! that each of these tests then turns red.

use std::{future::pending, sync::Arc, time::Duration};

use consumer::{
    App, MySqlStore, PgStore, SqliteStore, Storage,
    broker::{Broker, Publication, QueueSpec},
    memory::MemoryBroker,
    message::{EventId, Fingerprint, Message},
    prelude::*,
    retry::RetryPolicy,
    runtime::Runtime,
    sqlx::{self, PgConnection, SqliteConnection},
};
use consumer_core::{
    inbox::{Claim, Claimed},
    storage::{Commit, ConsumerName, Extent, UnitLimits},
};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    business::Business,
    database::Database,
    event::Paid,
    race::{self, Arena, Racing},
    wait,
};
use tokio::sync::Notify;

const QUEUE: &str = "payments";
const DEAD_LETTERS: &str = "payments.dlq";
const LIMIT: Duration = Duration::from_secs(20);

#[consumer(name = "record", queue = "payments")]
async fn record(event: Paid, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    conn.take_effect("record", &event.payment).await
}

/// Never gets through.
#[consumer(name = "record", queue = "payments")]
async fn record_in_a_process_that_dies(
    event: Paid,
    conn: &mut SqliteConnection,
    State(at_work): State<Arc<Notify>>,
) -> Result<(), sqlx::Error> {
    conn.take_effect("record", &event.payment).await?;
    at_work.notify_one();
    pending().await
}

/// Ends the transaction that holds the claim, and works on in one of its own.
#[consumer(name = "record", queue = "payments")]
async fn record_in_a_transaction_of_its_own(
    event: Paid,
    conn: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut *conn).await?;
    conn.take_effect("record", &event.payment).await
}

/// Goes on after a statement that failed, in a transaction that PostgreSQL has aborted.
#[consumer(name = "record", queue = "payments")]
async fn record_and_swallow_an_error(event: Paid, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    conn.take_effect("record", &event.payment).await?;
    let _ = sqlx::query("SELECT 1 / 0").execute(&mut *conn).await;
    Ok(())
}

/// A broker in this process, and a database beside it.
struct Shop {
    broker: MemoryBroker,
    database: Database,
    auditor: Auditor,
}

impl Shop {
    async fn open(backend: Backend) -> Option<Self> {
        let database = backend.database().await?;
        let mut auditor = Auditor::connect(backend, database.url()).await;
        auditor.create_business().await;
        let broker = MemoryBroker::new();
        broker.prepare(&[QueueSpec::new(QUEUE)]).await.expect("a queue");
        Some(Self { broker, database, auditor })
    }

    async fn publish(&self, id: &str, payment: &str) {
        let body = serde_json::to_vec(&Paid::new(payment)).expect("an event is JSON");
        let mut message = Message { body: body.into(), ..Message::default() };
        message.properties.message_id = Some(id.to_owned());
        let publication = Publication { exchange: String::new(), routing_key: QUEUE.to_owned(), message };
        self.broker.publish(publication).await.expect("a publish");
    }

    async fn sqlite(&self) -> SqliteStore {
        SqliteStore::connect(self.database.url()).await.expect("a file")
    }

    /// Runs an app until the queue is empty.
    async fn run<S: Storage>(&self, store: S, app: App<S>) {
        let runtime = Runtime::new(store, self.broker.connect()).run(app);
        let run = runtime.until(self.broker.drained(QUEUE));
        tokio::time::timeout(LIMIT, run).await.expect("an end").expect("a run");
    }

    /// How often each payment took effect.
    async fn effects(&mut self) -> Vec<(String, u64)> {
        self.auditor.effects().await.into_iter().map(|((_, id), times)| (id, times)).collect()
    }
}

/// No second attempt: what fails once is dead.
fn once(config: consumer::handler::ConsumerConfig) -> consumer::handler::ConsumerConfig {
    config.retry(RetryPolicy::never())
}

#[tokio::test]
async fn mutant_claim_after_handler() {
    let mut shop = Shop::open(Backend::Sqlite).await.expect("SQLite is always there");
    for _ in 0..2 {
        shop.publish("a", "a").await;
    }
    shop.run(shop.sqlite().await, App::new().register::<record>()).await;
    assert_eq!(shop.effects().await, [("a".to_owned(), 1)], "a duplicate took effect");
}

#[tokio::test]
async fn mutant_collated_key() {
    let mut shop = Shop::open(Backend::Sqlite).await.expect("SQLite is always there");
    let ids = ["PAY-1", "PAY-1 ", "Pay-1", "pay-1"];
    for id in ids {
        shop.publish(id, id).await;
    }
    shop.run(shop.sqlite().await, App::new().register::<record>()).await;
    let each_once = ids.map(|id| (id.to_owned(), 1));
    assert_eq!(shop.effects().await, each_once, "two ids passed for one");
    assert_eq!(shop.broker.depth(DEAD_LETTERS), 0, "an id of its own passed for a used one");
}

#[tokio::test]
async fn mutant_ack_before_commit() {
    let mut shop = Shop::open(Backend::Sqlite).await.expect("SQLite is always there");
    shop.publish("a", "a").await;
    let (at_work, connection) = (Arc::new(Notify::new()), shop.broker.connect());
    let app = App::new().state(at_work.clone()).register::<record_in_a_process_that_dies>();
    let runtime = Runtime::new(shop.sqlite().await, connection.clone()).run(app);
    let process = tokio::spawn(runtime.until(pending()));
    tokio::time::timeout(LIMIT, at_work.notified()).await.expect("a delivery");
    process.abort();
    assert!(process.await.is_err_and(|error| error.is_cancelled()));
    connection.close().await;

    shop.run(shop.sqlite().await, App::new().register::<record>()).await;
    assert_eq!(shop.effects().await, [("a".to_owned(), 1)], "the crash lost a message");
}

#[tokio::test]
async fn mutant_no_guard() {
    transaction_that_the_handler_has_left().await;
    transaction_that_postgres_has_aborted().await;
}

async fn transaction_that_the_handler_has_left() {
    let mut shop = Shop::open(Backend::Sqlite).await.expect("SQLite is always there");
    shop.publish("a", "a").await;
    let app = App::new().register_with::<record_in_a_transaction_of_its_own>(once);
    shop.run(shop.sqlite().await, app).await;
    assert_eq!(shop.effects().await, [], "an effect was committed without its claim");
    assert_eq!(shop.broker.depth(DEAD_LETTERS), 1, "no effect and no dead letter: the message is lost");
}

async fn transaction_that_postgres_has_aborted() {
    let Some(mut shop) = Shop::open(Backend::Postgres).await else { return };
    shop.publish("a", "a").await;
    let store = PgStore::connect(shop.database.url()).await.expect("PostgreSQL");
    let app = App::new().register_with::<record_and_swallow_an_error>(once);
    shop.run(store, app).await;
    assert_eq!(shop.effects().await, []);
    assert_eq!(shop.broker.depth(DEAD_LETTERS), 1, "no effect and no dead letter: the message is lost");
}

#[tokio::test]
async fn mutant_select_then_insert() {
    two_deliveries_at_once::<PgStore>(Backend::Postgres).await;
    two_deliveries_at_once::<MySqlStore>(Backend::MySql).await;
}

/// The second one asks while the first one has not committed.
async fn two_deliveries_at_once<S: Arena>(backend: Backend) {
    let Some(mut shop) = Shop::open(backend).await else { return };
    let database = shop.database.url().to_owned();
    let store = S::connect(&Racing { backend, database, sessions: 2, first: 0 }).await.expect("a database");
    store.prepare().await.expect("the tables");
    let name = ConsumerName { name: race::CONSUMER, aliases: &[] };
    let consumer = store.enroll(&[name]).await.expect("an id")[0];
    let event = EventId { source: String::new(), id: "a".to_owned() };
    let claim = Claim::new(consumer, &event, Fingerprint::of(b"{}"));

    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = store.begin(&mut session, Extent::One).await.expect("a unit");
    assert_eq!(store.claim(&mut tx, &claim).await.expect("a claim"), Claimed::Fresh);
    S::take_effect(&mut tx, "a").await.expect("an effect");
    let rival = tokio::spawn(second_delivery(store.clone(), claim));
    let auditor = &mut shop.auditor;
    wait::until("the rival waits", LIMIT, async || auditor.waiting().await == 1).await;
    assert!(matches!(store.commit(tx, &consumer::departures::Departures::default()).await, Commit::Done));
    rival.await.expect("the rival");
    assert_eq!(shop.effects().await, [("a".to_owned(), 1)], "both deliveries took effect");
}

async fn second_delivery<S: Arena>(store: S, claim: Claim) {
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = store.begin(&mut session, Extent::One).await.expect("a unit");
    match store.claim(&mut tx, &claim).await.expect("an answer") {
        Claimed::Fresh => {
            S::take_effect(&mut tx, "a").await.expect("an effect");
            assert!(matches!(
                store.commit(tx, &consumer::departures::Departures::default()).await,
                Commit::Done
            ));
        }
        _ => drop(store.roll_back(tx).await),
    }
}

const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };
