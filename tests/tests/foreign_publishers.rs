//! Messages of publishers that are not ours, pika and amqplib, plain and as CloudEvents, in each of the databases.

use std::{
    collections::HashMap,
    future::pending,
    path::{Path, PathBuf},
    time::Duration,
};

use consumer::{
    MySqlStore, PgStore, RabbitMq, Runtime, SqliteStore, Storage,
    handler::ConsumerConfig,
    prelude::*,
    sqlx::{self, MySqlConnection, PgConnection, SqliteConnection},
};
use consumer_tests::{
    database::{Database, fresh_name},
    servers,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::{process::Command, time};

/// What CloudEvents say, and plain messages are configured to mean.
const SOURCE: &str = "/shop";
/// Payments that only one publisher knows, and payments that both publish.
const PAYMENTS: i64 = 20;
/// Both publish each of their payments this often.
const ROADS: i64 = 5;
/// All messages of both, each with payments of its own and with shared ones.
const PUBLISHED: u64 = (2 * 2 * PAYMENTS * ROADS) as u64;
/// Far above what it takes.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct PaymentCaptured {
    payment: String,
    cents: i64,
    note: String,
}

/// No unique index: only the claim keeps a second row out.
const TABLE: &str = "CREATE TABLE payments (payment VARCHAR(64), cents BIGINT, note VARCHAR(64))";

#[consumer(name = "foreign.postgres")]
async fn into_postgres(event: PaymentCaptured, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO payments VALUES ($1, $2, $3)")
        .bind(event.payment)
        .bind(event.cents)
        .bind(event.note)
        .execute(conn)
        .await?;
    Ok(())
}

#[consumer(name = "foreign.mysql")]
async fn into_mysql(event: PaymentCaptured, conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO payments VALUES (?, ?, ?)")
        .bind(event.payment)
        .bind(event.cents)
        .bind(event.note)
        .execute(conn)
        .await?;
    Ok(())
}

#[consumer(name = "foreign.sqlite")]
async fn into_sqlite(event: PaymentCaptured, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO payments VALUES ($1, $2, $3)")
        .bind(event.payment)
        .bind(event.cents)
        .bind(event.note)
        .execute(conn)
        .await?;
    Ok(())
}

/// What every database has to answer: rows, different payments, cents, different notes.
type Answer = (i64, i64, i64, i64);

const AUDIT: &str = "SELECT COUNT(*), COUNT(DISTINCT payment), CAST(SUM(cents) AS BIGINT), COUNT(DISTINCT note) \
                     FROM payments";
const AUDIT_MYSQL: &str = "SELECT COUNT(*), COUNT(DISTINCT payment), CAST(SUM(cents) AS SIGNED), \
                           COUNT(DISTINCT note) FROM payments";

/// Those of pika, those of amqplib, and those that both have published.
fn expected() -> Answer {
    let cents: i64 = (0..PAYMENTS).map(|number| 100 + number).sum();
    (3 * PAYMENTS, 3 * PAYMENTS, 3 * cents, 1)
}

#[tokio::test]
async fn postgres_has_each_foreign_payment_once() {
    let (Some(world), Some(database)) = (World::of_tests(), Database::postgres().await) else { return };
    let store = PgStore::connect(database.url()).await.expect("PostgreSQL");
    sqlx::query(TABLE).execute(store.pool()).await.expect("the table");
    let app = App::new().register_with::<into_postgres>(|c| world.configure(c));
    world.play(&store, app).await;
    let answer: Answer = sqlx::query_as(AUDIT).fetch_one(store.pool()).await.expect("the audit");
    assert_eq!(answer, expected());
}

#[tokio::test]
async fn mysql_has_each_foreign_payment_once() {
    let (Some(world), Some(database)) = (World::of_tests(), Database::mysql().await) else { return };
    let store = MySqlStore::connect(database.url()).await.expect("MariaDB or MySQL");
    sqlx::query(TABLE).execute(store.pool()).await.expect("the table");
    let app = App::new().register_with::<into_mysql>(|c| world.configure(c));
    world.play(&store, app).await;
    let answer: Answer = sqlx::query_as(AUDIT_MYSQL).fetch_one(store.pool()).await.expect("the audit");
    assert_eq!(answer, expected());
}

#[tokio::test]
async fn sqlite_has_each_foreign_payment_once() {
    let Some(world) = World::of_tests() else { return };
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("SQLite");
    sqlx::query(TABLE).execute(store.pool()).await.expect("the table");
    let app = App::new().register_with::<into_sqlite>(|c| world.configure(c));
    world.play(&store, app).await;
    let answer: Answer = sqlx::query_as(AUDIT).fetch_one(store.pool()).await.expect("the audit");
    assert_eq!(answer, expected());
}

/// RabbitMQ with a queue of the test's own, and the publishers.
struct World {
    amqp: String,
    python: String,
    node: String,
    queue: String,
}

impl World {
    fn of_tests() -> Option<Self> {
        let [amqp, python, node] = [servers::AMQP, servers::PYTHON, servers::NODE].map(servers::need);
        Some(Self { amqp: amqp?, python: python?, node: node?, queue: fresh_name() })
    }

    fn configure(&self, config: ConsumerConfig) -> ConsumerConfig {
        config.queue(&self.queue).source(SOURCE)
    }

    /// Publishes while the app consumes, and stops it when it is through with everything.
    async fn play<S: Storage>(&self, store: &S, app: App<S>) {
        let recorder = DebuggingRecorder::new();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let broker = RabbitMq::connect(&self.amqp).await.expect("RabbitMQ");
        let runtime = Runtime::new(store.clone(), broker).run(app);
        let handle = runtime.handle();
        let orders = async {
            while !handle.health().ready {
                time::sleep(Duration::from_millis(20)).await;
            }
            self.publish().await;
            let settled = settle(&recorder.snapshotter()).await;
            handle.stop();
            settled
        };
        let both = async { tokio::join!(runtime.until(pending()), orders) };
        let (ended, settled) = time::timeout(LIMIT, both).await.expect("everything is settled");
        ended.expect("the runtime ends well");
        let once = (3 * PAYMENTS) as u64;
        assert_eq!(
            settled,
            HashMap::from([("done".to_owned(), once), ("duplicate".to_owned(), PUBLISHED - once)])
        );
    }

    async fn publish(&self) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
        tokio::join!(
            self.run(&self.python, scripts.join("publish.py"), "pika"),
            self.run(&self.node, scripts.join("publish.js"), "amqplib"),
        );
    }

    async fn run(&self, program: &str, script: PathBuf, own: &str) {
        let count = PAYMENTS.to_string();
        let arguments = [&self.amqp, &self.queue, SOURCE, own, "shared", &count];
        let output = Command::new(program).arg(script).args(arguments).output().await.expect(program);
        assert!(output.status.success(), "{own}: {}", String::from_utf8_lossy(&output.stderr));
        let published = String::from_utf8_lossy(&output.stdout).trim().parse();
        assert_eq!(published, Ok(2 * PAYMENTS * ROADS), "{own} has published all of its messages");
    }
}

/// Waits until as many deliveries are settled as messages were published, and returns how many ended how.
async fn settle(snapshotter: &Snapshotter) -> HashMap<String, u64> {
    let mut settled = HashMap::new();
    while settled.values().sum::<u64>() < PUBLISHED {
        time::sleep(Duration::from_millis(20)).await;
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let outcome = key.key().labels().find(|label| label.key() == "outcome");
            if let (Some(outcome), DebugValue::Counter(count @ 1..)) = (outcome, value) {
                *settled.entry(outcome.value().to_owned()).or_default() += count;
            }
        }
    }
    settled
}
