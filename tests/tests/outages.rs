//! Servers that go away under a running consumer: it consumes again by itself, nothing is lost, nothing doubled.
//!
//! Each of these shakes a whole server, so they run one after the other, and alone.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use consumer::{
    App, Broker, MySqlStore, PgStore, RabbitMq, Result, Runtime, SqliteStore, Storage,
    broker::Publication,
    prelude::*,
    runtime::RuntimeHandle,
    sqlx::{MySqlConnection, PgConnection, SqliteConnection},
};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    business::Business,
    database::{Database, fresh_name},
    event::Paid,
    servers,
    stage::message,
    wait,
};
use tokio::{sync::MutexGuard, task::JoinHandle};
use tracing_subscriber::EnvFilter;

/// Patience with a server that comes back.
const RECOVERY: Duration = Duration::from_secs(90);
/// Events before a fault, and after it.
const SOME: usize = 60;
/// RabbitMQ writes down that a quorum queue exists some half a second after it was declared. A node that is killed before
/// that comes back with the queue empty and without a leader (seen with 3.10.8), whoever consumes it.
const QUEUE_IS_ON_DISK: Duration = Duration::from_secs(3);

/// One outage at a time, whoever runs the tests.
async fn alone() -> MutexGuard<'static, ()> {
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
    // Fails where an outage before this one has set it.
    let _ = log.with_test_writer().try_init();
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}

/// Makes the next handler run longer than the broker's patience.
#[derive(Clone, Default)]
struct Hang(Arc<AtomicBool>);

macro_rules! paying {
    ($module:ident, $connection:ty) => {
        mod $module {
            use super::*;

            #[consumer(name = "outages", timeout = "20s")]
            pub(super) async fn pay(
                event: Paid,
                conn: &mut $connection,
                State(hang): State<Hang>,
            ) -> std::result::Result<(), consumer::sqlx::Error> {
                conn.take_effect("outages", &event.payment).await?;
                if hang.0.swap(false, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_secs(8)).await;
                }
                Ok(())
            }
        }
    };
}

paying!(on_postgres, PgConnection);
paying!(on_mysql, MySqlConnection);
paying!(on_sqlite, SqliteConnection);

/// A consumer at work, and a publisher that goes on until it is told to stop.
struct Run {
    handle: RuntimeHandle,
    running: JoinHandle<Result<()>>,
    publishing: JoinHandle<()>,
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    go_on: Arc<AtomicBool>,
    auditor: Auditor,
    queue: String,
    hang: Hang,
    _database: Database,
}

impl Run {
    async fn start<S: Storage>(
        amqp: &str,
        backend: Backend,
        database: Database,
        store: S,
        app: impl Fn(App<S>, String) -> App<S>,
    ) -> Self {
        let mut auditor = Auditor::connect(backend, database.url()).await;
        auditor.create_business().await;
        let queue = fresh_name();
        let broker = RabbitMq::connect(amqp).await.expect("RabbitMQ");
        let hang = Hang::default();
        let runtime = Runtime::new(store, broker);
        let handle = runtime.handle();
        let app = app(App::new().state(hang.clone()), queue.clone());
        let running = tokio::spawn(runtime.run(app).until(std::future::pending()));
        wait::until("the consumer is ready", RECOVERY, async || handle.health().ready).await;
        let (confirmed, go_on) = (Arc::default(), Arc::new(AtomicBool::new(true)));
        let publisher = RabbitMq::connect(amqp).await.expect("RabbitMQ");
        let publishing =
            tokio::spawn(publish(0, publisher, queue.clone(), Arc::clone(&confirmed), Arc::clone(&go_on)));
        Self { handle, running, publishing, confirmed, go_on, auditor, queue, hang, _database: database }
    }

    async fn effects(&mut self) -> usize {
        self.auditor.effects().await.len()
    }

    /// Waits until so many more events have taken effect.
    async fn more(&mut self, events: usize) {
        let expected = self.effects().await + events;
        let auditor = &mut self.auditor;
        wait::until("more events take effect", RECOVERY, async || auditor.effects().await.len() >= expected)
            .await;
    }

    /// Ends the publishing, waits for the rest, and compares: every confirmed event once.
    async fn settle(mut self) {
        self.go_on.store(false, Ordering::SeqCst);
        self.publishing.await.expect("the publisher does not panic");
        let confirmed = std::mem::take(&mut *self.confirmed.lock().expect("no panic inside"));
        let auditor = &mut self.auditor;
        wait::until("every event took effect", RECOVERY, async || {
            auditor.effects().await.len() >= confirmed.len()
        })
        .await;
        wait::until("the consumer is ready", RECOVERY, async || self.handle.health().ready).await;
        self.handle.stop();
        self.running.await.expect("the runtime does not panic").expect("a good end");
        let effects = self.auditor.effects().await;
        println!("{}: {} events confirmed, {} took effect", self.queue, confirmed.len(), effects.len());
        let mut times = effects.iter().map(|(of, times)| (of.1.clone(), *times)).collect::<Vec<_>>();
        assert!(times.iter().all(|(_, times)| *times == 1), "doubled: {times:?}");
        times.retain(|(id, _)| !confirmed.contains(id));
        assert!(times.is_empty(), "never confirmed: {times:?}");
        assert_eq!(effects.len(), confirmed.len());
    }
}

/// Publishes events one by one, each until it is confirmed.
async fn publish(
    first: usize,
    broker: RabbitMq,
    queue: String,
    confirmed: Arc<Mutex<BTreeSet<String>>>,
    go_on: Arc<AtomicBool>,
) {
    let mut numbers = first..;
    while go_on.load(Ordering::SeqCst) {
        let id = format!("p{}", numbers.next().unwrap_or(first));
        let body = serde_json::to_string(&Paid::new(&id)).expect("an event is JSON");
        let message = message(&id, "payment.captured", &body);
        let publication = Publication { exchange: String::new(), routing_key: queue.clone(), message };
        let mut failures = 0;
        while let Err(error) = broker.publish(publication.clone()).await {
            failures += 1;
            assert!(failures < 600, "never confirmed: {error:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        confirmed.lock().expect("no panic inside").insert(id);
    }
    broker.close().await;
}

async fn on_sqlite(amqp: &str) -> Run {
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("SQLite");
    let app = |app: App<SqliteStore>, queue: String| {
        app.register_with::<on_sqlite::pay>(move |c| c.queue(queue.clone()).concurrency(2).prefetch(20))
    };
    Run::start(amqp, Backend::Sqlite, database, store, app).await
}

fn script(variable: &str) -> Option<impl AsyncFn(&[&str]) + use<>> {
    let program = servers::program(variable)?;
    Some(async move |arguments: &[&str]| run(&program, arguments).await)
}

async fn run(program: &Path, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments);
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("a program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_and_doubles_nothing() {
    let (Some(amqp), Some(restart)) = (servers::need(servers::AMQP), script(servers::RABBITMQ_RESTART))
    else {
        return;
    };
    let _alone = alone().await;
    let mut run = on_sqlite(&amqp).await;
    tokio::time::sleep(QUEUE_IS_ON_DISK).await;
    run.more(SOME).await;
    restart(&[]).await;
    run.more(SOME).await;
    run.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_closed_by_force_lose_and_double_nothing() {
    let (Some(amqp), Some(ctl)) = (servers::need(servers::AMQP), script(servers::RABBITMQCTL)) else {
        return;
    };
    let _alone = alone().await;
    let mut run = on_sqlite(&amqp).await;
    for _ in 0..3 {
        run.more(SOME).await;
        ctl(&["close_all_connections", "a fault"]).await;
    }
    run.more(SOME).await;
    run.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_declared_again_and_consumed() {
    let (Some(amqp), Some(ctl)) = (servers::need(servers::AMQP), script(servers::RABBITMQCTL)) else {
        return;
    };
    let _alone = alone().await;
    let mut run = on_sqlite(&amqp).await;
    run.more(SOME).await;
    // Whatever it holds when it is deleted is lost, as RabbitMQ promises: it must hold nothing.
    run.go_on.store(false, Ordering::SeqCst);
    (&mut run.publishing).await.expect("the publisher does not panic");
    let confirmed = run.confirmed.lock().expect("no panic inside").len();
    let auditor = &mut run.auditor;
    wait::until("an empty queue", RECOVERY, async || auditor.effects().await.len() == confirmed).await;
    ctl(&["delete_queue", &run.queue]).await;
    let publisher = RabbitMq::connect(&amqp).await.expect("RabbitMQ");
    let (ids, go_on) = (Arc::clone(&run.confirmed), Arc::clone(&run.go_on));
    go_on.store(true, Ordering::SeqCst);
    run.publishing = tokio::spawn(publish(1_000_000, publisher, run.queue.clone(), ids, go_on));
    run.more(SOME).await;
    run.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_timeout_closes_the_channel_and_doubles_nothing() {
    let Some(amqp) = servers::need(servers::AMQP_SHORT_TIMEOUT) else { return };
    let _alone = alone().await;
    let mut run = on_sqlite(&amqp).await;
    run.more(SOME).await;
    run.hang.0.store(true, Ordering::SeqCst);
    let hang = run.hang.clone();
    wait::until("a handler that hangs", RECOVERY, async || !hang.0.load(Ordering::SeqCst)).await;
    run.more(SOME).await;
    run.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgresql_loses_and_doubles_nothing() {
    let (Some(amqp), Some(restart)) = (servers::need(servers::AMQP), script(servers::POSTGRES_RESTART))
    else {
        return;
    };
    let _alone = alone().await;
    let Some(database) = Database::postgres().await else { return };
    let store = PgStore::connect(database.url()).await.expect("PostgreSQL");
    let app = |app: App<PgStore>, queue: String| {
        app.register_with::<on_postgres::pay>(move |c| c.queue(queue.clone()).concurrency(4).prefetch(20))
    };
    let mut run = Run::start(&amqp, Backend::Postgres, database, store, app).await;
    run.more(SOME).await;
    restart(&[]).await;
    run.auditor = Auditor::connect(Backend::Postgres, run._database.url()).await;
    run.more(SOME).await;
    run.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mariadb_loses_and_doubles_nothing() {
    let (Some(amqp), Some(restart)) = (servers::need(servers::AMQP), script(servers::MYSQL_RESTART)) else {
        return;
    };
    let _alone = alone().await;
    let Some(database) = Database::mysql().await else { return };
    let store = MySqlStore::connect(database.url()).await.expect("MariaDB");
    let app = |app: App<MySqlStore>, queue: String| {
        app.register_with::<on_mysql::pay>(move |c| c.queue(queue.clone()).concurrency(4).prefetch(20))
    };
    let mut run = Run::start(&amqp, Backend::MySql, database, store, app).await;
    run.more(SOME).await;
    restart(&[]).await;
    run.auditor = Auditor::connect(Backend::MySql, run._database.url()).await;
    run.more(SOME).await;
    run.settle().await;
}
