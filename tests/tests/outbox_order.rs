//! Order and completeness of the outbox: two relay processes that are killed, four producers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use consumer::{
    App, Broker, MySqlStore, PgStore, RabbitMq, SqliteStore, broker::Publication, message::Message,
    outbox::Standing, prelude::*,
};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    database::fresh_name,
    downstream::{Consuming, Downstream},
    outlet::{Inlet, Noted, compare, rows, survey},
    servers,
    victim::{Relaying, Task, Victim},
    wait,
};

/// Events for each database; `CONSUMER_TEST_OUTBOX_EVENTS` wins over it.
const EVENTS: u64 = 5_000;
const KEYS: u64 = 100;
/// Short, so that the heir of a killed relay goes on soon.
const LEASE: Duration = Duration::from_secs(2);
/// Between two kills.
const LIFE: Duration = Duration::from_millis(1500);
const LIMIT: Duration = Duration::from_secs(600);

/// What the fourth producer consumes.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "asked", version = 1)]
struct Asked {
    key: String,
}

#[consumer(name = "answers")]
async fn answers(asked: Asked, outbox: Outbox<'_>, State(route): State<Route>) -> anyhow::Result<()> {
    outbox.publish_to(&Noted { key: asked.key, writer: 3 }, route);
    Ok(())
}

fn events() -> u64 {
    std::env::var("CONSUMER_TEST_OUTBOX_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(EVENTS)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_relays_and_four_producers_on_postgres() {
    four_producers::<PgStore>(Backend::Postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_relays_and_four_producers_on_mysql() {
    four_producers::<MySqlStore>(Backend::MySql, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_and_four_producers_on_sqlite() {
    four_producers::<SqliteStore>(Backend::Sqlite, 1).await;
}

async fn four_producers<S: Downstream>(backend: Backend, relays: usize) {
    let Some(amqp) = servers::need(servers::AMQP) else { return };
    let Some(database) = backend.database().await else { return };
    let (store, pool) = S::connect(database.url()).await;
    Auditor::connect(backend, database.url()).await.create_business().await;
    let broker = RabbitMq::connect(&amqp).await.expect("RabbitMQ of the tests");
    let inlet = Inlet::bind(&broker).await;
    inlet.read().await;
    let copies = inlet.copy().await;

    let asked = format!("{}.asked", fresh_name());
    let app = App::new().state(inlet.route());
    let app = app.register_with::<answers>(|config| config.queue(&asked).concurrency(2));
    let consuming = Consuming::start(&store, &amqp, S::downstream(app, &copies.queue)).await;

    let folder = tempfile::tempdir().expect("a folder");
    let task = Task::Relay(Relaying {
        backend,
        database: database.url().to_owned(),
        amqp: amqp.clone(),
        lease_ms: LEASE.as_millis() as u64,
    });
    let program = env!("CARGO_BIN_EXE_victim");
    let mut victims: Vec<_> =
        (0..relays).map(|_| Victim::start(program, &task, folder.path(), None)).collect();

    let total = events();
    let left = Arc::new(AtomicU64::new(total));
    let mut producers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let (store, pool, left, route) = (store.clone(), pool.clone(), left.clone(), inlet.route());
        producers.spawn(async move {
            while let Some(batch) = take(&left) {
                let events: Vec<_> = (0..batch).map(|_| Noted { key: some_key(), writer }).collect();
                while let Err(error) =
                    store.note(&pool, &events, &route, Duration::from_millis(fastrand::u64(..3))).await
                {
                    println!("again: {error}");
                }
            }
        });
    }
    {
        let (broker, left, asked) = (broker.clone(), left.clone(), asked.clone());
        producers.spawn(async move {
            while take_one(&left) {
                broker.publish(ask(&asked)).await.expect("a question");
            }
        });
    }

    let (mut kills, mut which) = (0, 0);
    let mut born = Instant::now();
    wait::until("every event leaves", LIMIT, async || {
        if born.elapsed() > LIFE {
            victims[which].kill();
            victims[which] = Victim::start(program, &task, folder.path(), None);
            (kills, which, born) = (kills + 1, (which + 1) % relays, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        while producers.try_join_next().is_some() {}
        producers.is_empty() && survey(&store).await.unsent == 0 && rows(&store).await.len() as u64 >= total
    })
    .await;
    let table = rows(&store).await;
    wait::until("every event arrives", LIMIT, async || compare_count(&inlet) >= table.len()).await;
    let report = compare(&table, &inlet.arrived());
    println!("{backend}: {report:?}, {kills} kills");
    assert_eq!((report.rows as u64, report.events as u64), (total, total), "I4: each one, with its one id");
    assert!(table.iter().all(|listed| listed.standing == Standing::Sent));
    assert!(kills > 0, "a fault that never fired proves nothing");

    let mut auditor = Auditor::connect(backend, database.url()).await;
    wait::until("the second consumer has them all", LIMIT, async || {
        auditor.effects().await.len() as u64 >= total
    })
    .await;
    let effects = auditor.effects().await;
    assert!(effects.values().all(|times| *times == 1), "I2: an event took effect twice");
    assert_eq!(effects.len() as u64, total);
    for victim in &mut victims {
        victim.stop(Duration::from_secs(30)).await;
    }
    consuming.stop().await;
}

fn compare_count(inlet: &Inlet) -> usize {
    let arrived = inlet.arrived();
    let ids: std::collections::HashSet<_> =
        arrived.iter().filter_map(|message| message.properties.message_id.as_deref()).collect();
    ids.len()
}

fn ask(queue: &str) -> Publication {
    let body = serde_json::to_vec(&Asked { key: some_key() }).expect("JSON");
    let mut message = Message { body: body.into(), ..Message::default() };
    message.properties.message_id = Some(uuid::Uuid::new_v4().to_string());
    message.properties.message_type = Some("asked".to_owned());
    Publication { exchange: String::new(), routing_key: queue.to_owned(), message }
}

fn some_key() -> String {
    format!("key {}", fastrand::u64(..KEYS))
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// One to three events at once.
fn take(left: &AtomicU64) -> Option<u64> {
    let wanted = fastrand::u64(1..=3);
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
        0 => None,
        left => Some(left.saturating_sub(wanted)),
    });
    taken.ok().map(|before| before.min(wanted))
}
