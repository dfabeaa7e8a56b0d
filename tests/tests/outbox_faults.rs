//! What a real broker and the way to it can do to a relay: nothing is marked sent that the broker did not take, and all
//! leave when the fault ends.

use std::time::Duration;

use consumer::{
    App, Broker, PgStore, RabbitMq, Runtime,
    broker::{Binding, QueueSpec},
    outbox::{Relay, Route, Standing},
    rabbitmq::RabbitMqBuilder,
    runtime::RuntimeHandle,
    sqlx::PgPool,
};
use consumer_tests::{
    cable::Cable,
    database::{Database, fresh_name},
    outlet::{Inlet, Noted, Outlet, compare, rows, survey},
    rabbitmq::Node,
    wait,
};
use lapin::{
    options::{QueueDeclareOptions, QueuePurgeOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);
const EVENTS: usize = 3_000;

type Relaying = (RuntimeHandle, JoinHandle<consumer::Result<()>>);

/// A table, a relay in this process, and a queue.
struct Scene {
    store: PgStore,
    pool: PgPool,
    broker: RabbitMq,
    inlet: Inlet,
    _database: Database,
}

impl Scene {
    async fn open(node: &Node) -> Option<Self> {
        let database = Database::postgres().await?;
        let (store, pool) = <PgStore as Outlet>::connect(database.url()).await;
        let broker = node.connect(&fresh_name()).await;
        let inlet = Inlet::bind(&broker).await;
        inlet.read().await;
        Some(Self { store, pool, broker, inlet, _database: database })
    }

    /// Relays over this address, and takes no confirm for lost because the machine is slow.
    async fn relay(&self, url: &str) -> Relaying {
        self.relay_by(RabbitMq::builder(url), Relay::new()).await
    }

    /// Relays over this address, with confirms that are waited for for a second.
    async fn hasty_relay(&self, url: &str) -> Relaying {
        let broker =
            RabbitMq::builder(url).heartbeat(Duration::from_secs(2)).confirm_within(Duration::from_secs(1));
        self.relay_by(broker, Relay::new().lease(Duration::from_secs(2))).await
    }

    async fn relay_by(&self, broker: RabbitMqBuilder, relay: Relay) -> Relaying {
        let broker = broker.connect().await.expect("RabbitMQ of the tests");
        let runtime = Runtime::new(self.store.clone(), broker).relay(relay);
        (runtime.handle(), tokio::spawn(runtime.run(App::new()).until(std::future::pending())))
    }

    async fn note(&self, key: &str, route: Route) {
        let event = Noted { key: key.to_owned(), writer: 0 };
        self.store.note(&self.pool, &[event], &route, Duration::ZERO).await.expect("a commit");
    }

    async fn note_many(&self, count: usize) {
        for at in 0..count / 100 {
            let events: Vec<_> =
                (0..100).map(|n| Noted { key: format!("{}", (at + n) % 50), writer: 0 }).collect();
            self.store
                .note(&self.pool, &events, &self.inlet.route(), Duration::ZERO)
                .await
                .expect("a commit");
        }
    }

    async fn standing(&self, standing: Standing) -> usize {
        rows(&self.store).await.iter().filter(|listed| listed.standing == standing).count()
    }

    async fn all_leave(&self) {
        wait::until("all events leave", LIMIT, async || {
            tokio::time::sleep(Duration::from_millis(50)).await;
            survey(&self.store).await.unsent == 0
        })
        .await;
    }

    /// Everything that is marked sent has arrived, in order.
    async fn check(&self, count: usize) -> usize {
        let rows = rows(&self.store).await;
        let mut report = None;
        wait::until("every event arrives", LIMIT, async || {
            let arrived = self.inlet.arrived();
            let ids: std::collections::HashSet<_> =
                arrived.iter().map(|m| m.properties.message_id.clone()).collect();
            (ids.len() >= count).then(|| report = Some(compare(&rows, &arrived))).is_some()
        })
        .await;
        report.expect("was made").repeated
    }
}

async fn stop((handle, running): Relaying) {
    handle.stop();
    running.await.expect("no panic").expect("a stop in good order");
}

#[tokio::test(flavor = "multi_thread")]
async fn unroutable_events_wait_for_a_queue_and_nobody_waits_for_them_but_their_key() {
    let Some(node) = Node::get() else { return };
    let Some(scene) = Scene::open(&node).await else { return };
    let nowhere = fresh_name();
    scene.note("poison", Route::new().routing_key(&nowhere)).await;
    scene.note("poison", scene.inlet.route()).await;
    scene.note("nowhere at all", Route::new().exchange(&nowhere)).await;
    scene.note_many(EVENTS).await;
    let relay = scene.relay(&node.url).await;
    wait::until("the others leave", LIMIT, async || scene.standing(Standing::Sent).await == EVENTS).await;
    assert_eq!(scene.standing(Standing::Refused).await, 2);
    wait::until("the gauge", LIMIT, async || {
        relay.0.outbox().survey().is_some_and(|s| s.unsent == 3 && s.oldest > Duration::from_secs(2))
    })
    .await;
    assert!(relay.0.health().to_string().contains("bind a queue"), "{}", relay.0.health());

    let mut spec = QueueSpec::new(&scene.inlet.queue);
    spec.bindings.push(Binding { exchange: Relay::DEFAULT_EXCHANGE.to_owned(), routing_key: nowhere });
    scene.broker.prepare(&[spec]).await.expect("a binding");
    wait::until("the bound ones leave", LIMIT, async || scene.standing(Standing::Sent).await == EVENTS + 2)
        .await;
    assert_eq!(scene.check(EVENTS + 2).await, 0, "nothing is published twice for it");
    stop(relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_keeps_its_events_in_the_table() {
    let Some(node) = Node::get() else { return };
    let Some(scene) = Scene::open(&node).await else { return };
    let full = fresh_name();
    let connection = lapin::Connection::connect(&node.url, lapin::ConnectionProperties::default()).await;
    let channel = connection.expect("RabbitMQ of the tests").create_channel().await.expect("a channel");
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(2));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(full.as_str().into(), options, arguments).await.expect("a queue");
    let relay = scene.relay(&node.url).await;
    for n in 0..20 {
        scene.note(&format!("full {n}"), Route::queue(&full)).await;
    }
    scene.note_many(EVENTS).await;
    wait::until("the others leave", LIMIT, async || scene.standing(Standing::Sent).await >= EVENTS + 2).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = scene.standing(Standing::Sent).await - EVENTS;
    let ready = || async {
        let mut options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        options.durable = true;
        let declared = channel.queue_declare(full.as_str().into(), options, FieldTable::default()).await;
        declared.expect("the queue").message_count() as usize
    };
    assert!(sent <= ready().await, "{sent} are marked sent, {} were taken", ready().await);
    wait::until("all leave as there is room", LIMIT * 3, async || {
        channel.queue_purge(full.as_str().into(), QueuePurgeOptions::default()).await.expect("room");
        tokio::time::sleep(Duration::from_millis(200)).await;
        survey(&scene.store).await.unsent == 0
    })
    .await;
    stop(relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_confirms_and_no_event() {
    let Some(node) = Node::get() else { return };
    let Some(scene) = Scene::open(&node).await else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let relay = scene.hasty_relay(&url).await;
    let mut cuts = 0;
    for _ in 0..8 {
        scene.note_many(EVENTS / 5).await;
        relay.0.outbox().wake();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..60))).await;
        cable.cut();
        cuts += 1;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(300..900))).await;
    }
    scene.all_leave().await;
    let repeated = scene.check(EVENTS / 5 * 8).await;
    println!("{cuts} cuts, {repeated} events published again");
    assert!(repeated > 0, "no confirm was lost: a fault that never fired proves nothing");
    let refusals: u32 = rows(&scene.store).await.iter().map(|listed| listed.row.refusals).sum();
    assert_eq!(refusals, 0, "an outage is no row's fault");
    stop(relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirms_that_come_too_late_are_lost_and_no_event_is() {
    let Some(node) = Node::get() else { return };
    let Some(scene) = Scene::open(&node).await else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let relay = scene.hasty_relay(&url).await;
    for _ in 0..3 {
        scene.note_many(EVENTS / 3).await;
        relay.0.outbox().wake();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..60))).await;
        cable.stall();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        cable.resume();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    scene.all_leave().await;
    let repeated = scene.check(EVENTS).await;
    println!("{repeated} events published again");
    assert!(repeated > 0, "no confirm was late: a fault that never fired proves nothing");
    stop(relay).await;
}
