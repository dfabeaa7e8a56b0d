//! Measures the relay: `outbox_rate [postgres|mysql|sqlite] [events] [rounds]`.
//!
//! Its throughput against lapin alone, both in each round, because a rate says nothing without the other of the same minute;
//! and from the end of a commit to the arrival at a consumer, with nothing else to do.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use consumer::{
    App, MySqlStore, PgStore, RabbitMq, Runtime, SqliteStore, outbox::Relay, runtime::RuntimeHandle,
};
use consumer_tests::{
    backend::Backend,
    outlet::{Inlet, Noted, Outlet, survey},
    servers,
};
use futures_util::{StreamExt, stream};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};

const EVENTS: usize = 20_000;
const ROUNDS: usize = 5;
const KEYS: usize = 100;
const IN_FLIGHT: usize = 256;
/// Commits one after the other, for the latency of a single one.
const ALONE: usize = 300;
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
    println!("{backend}: {rounds} rounds of {events} events of {KEYS} keys");
    let (mut relayed, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for first in (0..events).step_by(KEYS) {
            let keys = (first..events.min(first + KEYS)).map(|n| format!("key {}", n % KEYS));
            let batch: Vec<_> = keys.map(|key| Noted { key, writer: 0 }).collect();
            store.note(&pool, &batch, &inlet.route(), Duration::ZERO).await?;
        }
        relayed.push(rate(events, relay_all(&store, &amqp, events)).await?);
        alone.push(rate(events, lapin_alone(&amqp, &inlet, events)).await?);
    }
    let (relayed, alone) = (median(relayed), median(alone));
    println!("relay {relayed:.0} events/s, lapin alone {alone:.0} msg/s, ratio {:.2}", relayed / alone);
    let waits = latencies(&store, &pool, &amqp, &inlet).await?;
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_micros();
    println!("commit to arrival, idle: median {} µs, p99 {} µs", at(0.5), at(0.99));
    Ok(())
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

/// The connection is there before, as with lapin alone.
async fn relay_all<S: Outlet>(store: &S, amqp: &str, events: usize) -> Result<()> {
    let before = survey(store).await.unsent as usize;
    ensure!(before == events, "{before} events to relay");
    let (handle, running) = start(store, RabbitMq::connect(amqp).await?);
    while survey(store).await.unsent > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
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
        while inlet.count() == before {
            tokio::task::yield_now().await;
        }
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
