//! A crash at each point of a relay: every event leaves with its one id, in order, and takes effect once.

use std::{collections::HashSet, os::unix::process::ExitStatusExt, time::Duration};

use consumer::{App, MySqlStore, PgStore, RabbitMq, SqliteStore, outbox::Standing};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    downstream::{Consuming, Downstream},
    outlet::{Inlet, Noted, compare, rows, survey},
    servers,
    victim::{Relaying, Task, Victim},
    wait,
};
use rustix::process::Signal;

const EVENTS: usize = 120;
const KEYS: usize = 6;
const DEATH: Duration = Duration::from_secs(60);
const CATCH_UP: Duration = Duration::from_secs(60);
/// Short, so that the heir goes on soon.
const LEASE: Duration = Duration::from_secs(2);
/// By then a channel is open, so that what is sent is really on its way: more than there are keys.
const LATER: usize = 3 * KEYS;

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_rows_are_leased_before_any_is_published() {
    crash_at("K9", 1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_an_event_is_published_before_its_confirm_is_read() {
    crash_at("K10", LATER, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_an_event_is_confirmed_before_it_is_marked() {
    crash_at("K11", 1, 2).await;
}

/// Two relays die at the `hit`th arrival at a point, and at least `repeated` events are published again.
async fn crash_at(point: &str, hit: usize, repeated: usize) {
    if !cfg!(consumer_faults) {
        println!("skipped: this build has no kill points; `cargo xtask test` compiles them in");
        return;
    }
    crash::<PgStore>(Backend::Postgres, point, hit, repeated).await;
    crash::<MySqlStore>(Backend::MySql, point, hit, repeated).await;
    crash::<SqliteStore>(Backend::Sqlite, point, hit, repeated).await;
}

async fn crash<S: Downstream>(backend: Backend, point: &str, hit: usize, repeated: usize) {
    let Some(amqp) = servers::need(servers::AMQP) else { return };
    let Some(database) = backend.database().await else { return };
    let (store, pool) = S::connect(database.url()).await;
    let mut auditor = Auditor::connect(backend, database.url()).await;
    auditor.create_business().await;
    let broker = RabbitMq::connect(&amqp).await.expect("RabbitMQ of the tests");
    let inlet = Inlet::bind(&broker).await;
    inlet.read().await;
    let copies = inlet.copy().await;
    let consuming = Consuming::start(&store, &amqp, S::downstream(App::new(), &copies.queue)).await;
    let events: Vec<_> = (0..EVENTS).map(|n| Noted { key: format!("key {}", n % KEYS), writer: 0 }).collect();
    store.note(&pool, &events, &inlet.route(), Duration::ZERO).await.expect("a commit");

    let folder = tempfile::tempdir().expect("a folder");
    let task = Task::Relay(Relaying {
        backend,
        database: database.url().to_owned(),
        amqp,
        lease_ms: LEASE.as_millis() as u64,
    });
    let start = |kill| Victim::start(env!("CARGO_BIN_EXE_victim"), &task, folder.path(), kill);
    let kill = format!("{point}:{hit}");
    for _ in 0..2 {
        let mut victim = start(Some(&kill));
        let status = victim.ended(DEATH).await;
        let said = victim.said();
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{point} was not hit: {said}");
        assert!(said.contains(&format!("killed at {point}")), "{said}");
        assert_ne!(survey(&store).await.unsent, 0, "the crash left nothing to repair");
    }
    let mut heir = start(None);
    wait::until("every event leaves", CATCH_UP, async || survey(&store).await.unsent == 0).await;
    wait::until("every event arrives", CATCH_UP, async || {
        let arrived = inlet.arrived();
        arrived.iter().map(|message| &message.properties.message_id).collect::<HashSet<_>>().len() >= EVENTS
    })
    .await;
    let table = rows(&store).await;
    let report = compare(&table, &inlet.arrived());
    println!("{point} on {backend}: {report:?}");
    assert_eq!((report.rows, report.events), (EVENTS, EVENTS), "I4: each one, with its one id");
    assert!(table.iter().all(|listed| listed.standing == Standing::Sent));
    assert!(report.repeated >= repeated, "what was confirmed and not marked is published again");
    wait::until("every event takes effect", CATCH_UP, async || auditor.effects().await.len() >= EVENTS).await;
    heir.stop(DEATH).await;
    consuming.stop().await;
    let effects = auditor.effects().await;
    assert_eq!(effects.len(), EVENTS);
    assert!(effects.values().all(|times| *times == 1), "I2: an event took effect twice");
}
