//! An outbox behind a broker that is short of memory. The whole node is, so this is a test binary of its own.

use std::time::Duration;

use consumer::{App, PgStore, Runtime, outbox::Relay};
use consumer_tests::{
    database::{Database, fresh_name},
    outlet::{Inlet, Noted, Outlet, compare, rows, survey},
    rabbitmq::Node,
    wait,
};

const LIMIT: Duration = Duration::from_secs(60);

/// Ends the alarm however the test ends.
struct Alarm<'a>(&'a Node);

impl<'a> Alarm<'a> {
    fn raise(node: &'a Node) -> Self {
        node.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
        Self(node)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_alarm_pauses_the_outbox_and_its_end_empties_it() {
    let Some(node) = Node::get() else { return };
    let Some(database) = Database::postgres().await else { return };
    let (store, pool) = <PgStore as Outlet>::connect(database.url()).await;
    let broker = node.builder(&fresh_name()).confirm_within(Duration::from_secs(2));
    let broker = broker.connect().await.expect("RabbitMQ of the tests");
    let inlet = Inlet::bind(&broker).await;
    inlet.read().await;
    let runtime = Runtime::new(store.clone(), broker).relay(Relay::new().overdue(Duration::from_secs(3)));
    let handle = runtime.handle();
    let running = tokio::spawn(runtime.run(App::new()).until(std::future::pending()));
    let events =
        |count: usize| (0..count).map(|n| Noted { key: n.to_string(), writer: 0 }).collect::<Vec<_>>();
    let note = async |count| {
        store.note(&pool, &events(count), &inlet.route(), Duration::ZERO).await.expect("a commit");
        handle.outbox().wake();
    };

    note(50).await;
    wait::until("the first ones leave", LIMIT, async || survey(&store).await.unsent == 0).await;
    // What was slow before the alarm is not to be taken for what waits because of it.
    wait::until("the gauge of the first ones", LIMIT, async || {
        handle.health().ready && handle.outbox().survey().is_some_and(|survey| survey.unsent == 0)
    })
    .await;
    let alarm = Alarm::raise(&node);
    let raised = std::time::Instant::now();
    note(100).await;
    wait::until("the health names the alarm", LIMIT, async || {
        let health = handle.health();
        !health.ready && health.warnings.iter().any(|warning| warning.contains("the oldest of"))
    })
    .await;
    let seen = handle.outbox().survey().expect("it is counted during the alarm");
    assert!(seen.unsent > 0 && seen.oldest <= raised.elapsed() + Duration::from_secs(1), "{seen:?}");
    compare(&rows(&store).await, &inlet.arrived());
    drop(alarm);
    wait::until("all leave after the alarm", LIMIT, async || survey(&store).await.unsent == 0).await;
    let table = rows(&store).await;
    wait::until("all arrive", LIMIT, async || inlet.arrived().len() >= table.len()).await;
    let report = compare(&table, &inlet.arrived());
    println!("{report:?}");
    assert_eq!((report.rows, report.events), (150, 150));
    assert!(table.iter().all(|listed| listed.row.refusals == 0), "an alarm is no row's fault");
    wait::until("the gauge", LIMIT, async || {
        handle.outbox().survey().is_some_and(|survey| survey.oldest == Duration::ZERO)
    })
    .await;
    assert!(handle.health().ready);
    handle.stop();
    running.await.expect("no panic").expect("a stop in good order");
}
