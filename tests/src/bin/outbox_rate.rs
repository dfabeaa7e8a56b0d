//! Measures the relay: `outbox_rate [postgres|mysql|sqlite] [events] [rounds]`.
//!
//! Its throughput against lapin alone, both in each round, because a rate says nothing without the other of the same minute;
//! then from the end of a commit to the arrival at a consumer, with nothing else to do.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use consumer::{
    App, MySqlStore, PgStore, RabbitMq, Runtime, SqliteStore,
    outbox::{Relay, Route},
    runtime::RuntimeHandle,
};
use consumer_tests::{
    backend::Backend,
    outlet::{Inlet, Noted, Outlet, survey},
    servers,
};
use futures_util::{StreamExt, stream};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{FieldTable, ShortString},
};

const EVENTS: usize = 20_000;
const ROUNDS: usize = 3;
const KEYS: usize = 100;
const IN_FLIGHT: usize = 256;
/// Commits one after the other, for the latency of a single one.
const ALONE: usize = 300;
/// Seldom enough to take nothing from what is measured.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// About what the events have as JSON, so that lapin carries the same.
const BODY: usize = 32;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let backend = arguments.next().unwrap_or_default();
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse::<usize>());
    let (events, rounds) = (number(EVENTS)?, number(ROUNDS)?);
    match backend.as_str() {
        "mysql" => measure::<MySqlStore>(Backend::MySql, events, rounds).await,
        "sqlite" => measure::<SqliteStore>(Backend::Sqlite, events, rounds).await,
        _ => measure::<PgStore>(Backend::Postgres, events, rounds).await,
    }
}

async fn measure<S: Outlet>(backend: Backend, events: usize, rounds: usize) -> Result<()> {
    let amqp = servers::need(servers::AMQP).context("no RabbitMQ: set CONSUMER_TEST_AMQP_URL")?;
    let database = backend.database().await.context("no database")?;
    let (store, pool) = S::connect(database.url()).await;
    let broker = RabbitMq::connect(&amqp).await?;
    let inlet = Inlet::bind(&broker).await;
    let gauge = Gauge::open(&amqp, &inlet).await?;
    println!("{backend}: {rounds} rounds of {events} events, of {KEYS} keys or of none");
    let [mut keyed, mut unkeyed, mut alone] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (route, rates) in [(inlet.route(), &mut keyed), (inlet.route().unordered(), &mut unkeyed)] {
            fill(&store, &pool, &route, events).await?;
            rates.push(rate(events, relay_all(&store, &amqp, &gauge, events)).await?);
            gauge.empty().await?;
        }
        alone.push(rate(events, lapin_alone(&amqp, &inlet, events)).await?);
        gauge.empty().await?;
    }
    println!("each round: keyed {keyed:.0?}, unkeyed {unkeyed:.0?}, lapin {alone:.0?}");
    let [keyed, unkeyed, alone] = [keyed, unkeyed, alone].map(median);
    println!("lapin alone    {alone:.0} msg/s");
    println!("relay, keyed   {keyed:.0} events/s, ratio {:.2}", keyed / alone);
    println!("relay, unkeyed {unkeyed:.0} events/s, ratio {:.2}", unkeyed / alone);
    let waits = latencies(&store, &pool, &amqp, &inlet).await?;
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_micros();
    println!("commit to arrival at a consumer, idle: median {} µs, p99 {} µs", at(0.5), at(0.99));
    gauge.close().await
}

async fn fill<S: Outlet>(store: &S, pool: &S::Pool, route: &Route, events: usize) -> Result<()> {
    for first in (0..events).step_by(KEYS) {
        let keys = (first..events.min(first + KEYS)).map(|n| format!("key {}", n % KEYS));
        let batch: Vec<_> = keys.map(|key| Noted { key, writer: 0 }).collect();
        store.note(pool, &batch, route, Duration::ZERO).await?;
    }
    Ok(())
}

/// Counts what the broker has stored, which costs the database nothing.
struct Gauge {
    channel: Channel,
    queue: ShortString,
}

impl Gauge {
    async fn open(amqp: &str, inlet: &Inlet) -> Result<Self> {
        let connection = Connection::connect(amqp, ConnectionProperties::default()).await?;
        Ok(Self { channel: connection.create_channel().await?, queue: inlet.queue.as_str().into() })
    }

    async fn stored(&self) -> Result<usize> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare(self.queue.clone(), options, FieldTable::default()).await?;
        Ok(queue.message_count() as usize)
    }

    /// Empties the queue, and leaves a moment for what that gives the broker to do.
    async fn empty(&self) -> Result<()> {
        self.channel.queue_purge(self.queue.clone(), QueuePurgeOptions::default()).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    }

    async fn close(self) -> Result<()> {
        for queue in [self.queue.clone(), format!("{}.dlq", self.queue).into()] {
            self.channel.queue_delete(queue, QueueDeleteOptions::default()).await?;
        }
        Ok(())
    }
}

async fn rate(count: usize, what: impl Future<Output = Result<()>>) -> Result<f64> {
    let begun = Instant::now();
    what.await?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn start<S: Outlet>(
    store: &S,
    broker: RabbitMq,
) -> (RuntimeHandle, tokio::task::JoinHandle<consumer::Result<()>>) {
    let runtime = Runtime::new(store.clone(), broker).relay(Relay::new());
    (runtime.handle(), tokio::spawn(runtime.run(App::new()).until(std::future::pending())))
}

/// Ends when the broker has stored everything and the database knows it.
async fn relay_all<S: Outlet>(store: &S, amqp: &str, gauge: &Gauge, events: usize) -> Result<()> {
    let (handle, running) = start(store, RabbitMq::connect(amqp).await?);
    while gauge.stored().await? < events {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    while survey(store).await.unsent > 0 {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    handle.stop();
    Ok(running.await??)
}

async fn lapin_alone(amqp: &str, inlet: &Inlet, messages: usize) -> Result<()> {
    let connection = Connection::connect(amqp, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (channel, key, body) = (&channel, inlet.routing_key.as_str(), vec![b'x'; BODY]);
    let body = body.as_slice();
    let one = |_| async move {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let exchange = Relay::DEFAULT_EXCHANGE.into();
        let confirm = channel.basic_publish(exchange, key.into(), options, body, properties).await?;
        ensure!(confirm.await?.is_ack(), "no ack");
        anyhow::Ok(())
    };
    let mut published = stream::iter((0..messages).map(one)).buffer_unordered(IN_FLIGHT);
    while let Some(published) = published.next().await {
        published?;
    }
    Ok(())
}

async fn latencies<S: Outlet>(store: &S, pool: &S::Pool, amqp: &str, inlet: &Inlet) -> Result<Vec<Duration>> {
    inlet.read().await;
    let (handle, running) = start(store, RabbitMq::connect(amqp).await?);
    let mut waits = Vec::new();
    settle(inlet).await;
    for n in 0..ALONE {
        let before = inlet.count();
        let event = Noted { key: format!("key {n}"), writer: 1 };
        store.note(pool, &[event], &inlet.route(), Duration::ZERO).await?;
        let committed = Instant::now();
        handle.outbox().wake();
        inlet.more_than(before).await;
        waits.push(committed.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    handle.stop();
    running.await??;
    waits.sort();
    Ok(waits)
}

/// Waits until nothing old arrives any more.
async fn settle(inlet: &Inlet) {
    let mut last = usize::MAX;
    while inlet.count() != last {
        last = inlet.count();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
