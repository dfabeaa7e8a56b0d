//! Measures confirmed publishing against lapin alone: `publish_rate [rounds] [messages per round] [in flight]`.
//!
//! Each round runs every way once, in turn, so that what else the machine does meets all of them alike; the medians count.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use consumer::{
    Broker, RabbitMq,
    broker::{Publication, QueueSpec},
    message::Message,
};
use consumer_tests::{rabbitmq::fresh, servers};
use futures_util::{StreamExt, stream};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions, QueuePurgeOptions},
};
use tokio::task::JoinSet;

const ROUNDS: usize = 9;
const MESSAGES: usize = 20_000;
const IN_FLIGHT: usize = 256;
/// Publishes one after the other, for the latency of a single one.
const ALONE: usize = 300;
/// About what an event in JSON has.
const BODY: usize = 300;
const WORKERS: usize = 2;

/// What is published to, by whom.
#[derive(Clone)]
struct Bench {
    broker: RabbitMq,
    channel: Channel,
    queue: String,
    body: Vec<u8>,
}

/// A way to publish many messages.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// lapin, one channel, everything in one task.
    Lapin,
    /// One task for each caller.
    Callers,
    /// All callers in one task, as a relay has them.
    Relay,
}

const WAYS: [(Way, &str); 3] =
    [(Way::Lapin, "lapin alone"), (Way::Callers, "publish, a task each"), (Way::Relay, "publish, one task")];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let [rounds, messages, in_flight] = settings()?;
    let url = servers::need(servers::AMQP).context("no RabbitMQ: set CONSUMER_TEST_AMQP_URL")?;
    let bench = Bench::open(&url).await?;
    println!(
        "{rounds} rounds of {messages} messages of {BODY} bytes, {in_flight} in flight, {WORKERS} workers"
    );
    let mut rates = vec![Vec::new(); WAYS.len()];
    let mut waits = vec![Vec::new(); 2];
    for _ in 0..rounds {
        for ((way, _), rates) in WAYS.iter().zip(&mut rates) {
            let begun = Instant::now();
            bench.run(*way, messages, in_flight).await?;
            rates.push(messages as f64 / begun.elapsed().as_secs_f64());
            bench.purge(messages).await?;
        }
        waits[0].push(bench.alone(Way::Lapin).await?);
        waits[1].push(bench.alone(Way::Callers).await?);
        bench.purge(2 * ALONE).await?;
    }
    report(rates, waits);
    bench.close().await
}

fn settings() -> Result<[usize; 3]> {
    let mut settings = [ROUNDS, MESSAGES, IN_FLIGHT];
    for (setting, argument) in settings.iter_mut().zip(env::args().skip(1)) {
        *setting = argument.parse().with_context(|| format!("{argument} is no number"))?;
    }
    Ok(settings)
}

fn report(rates: Vec<Vec<f64>>, waits: Vec<Vec<f64>>) {
    let rates: Vec<_> = rates.into_iter().map(median).collect();
    for ((_, name), rate) in WAYS.iter().zip(&rates) {
        println!("{name:<22} {rate:>8.0} msg/s   ratio {:.2}", rate / rates[0]);
    }
    let waits: Vec<_> = waits.into_iter().map(median).collect();
    println!("one at a time          lapin {:.0} µs, publish {:.0} µs", waits[0], waits[1]);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Bench {
    async fn open(url: &str) -> Result<Self> {
        let broker = RabbitMq::connect(url).await?;
        let spec = QueueSpec::new(fresh("publish-rate"));
        broker.prepare(std::slice::from_ref(&spec)).await?;
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { broker, channel, queue: spec.name, body: vec![b'x'; BODY] })
    }

    async fn run(&self, way: Way, messages: usize, in_flight: usize) -> Result<()> {
        if way == Way::Callers {
            return self.callers(messages, in_flight).await;
        }
        let mut published = stream::iter((0..messages).map(|n| self.one(way, n))).buffer_unordered(in_flight);
        while let Some(published) = published.next().await {
            published?;
        }
        Ok(())
    }

    async fn callers(&self, messages: usize, in_flight: usize) -> Result<()> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..in_flight {
            let (bench, next) = (self.clone(), next.clone());
            callers.spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= messages {
                        return anyhow::Ok(());
                    }
                    bench.one(Way::Callers, n).await?;
                }
            });
        }
        callers.join_all().await.into_iter().collect()
    }

    async fn one(&self, way: Way, n: usize) -> Result<()> {
        if way == Way::Lapin { self.lapin(n).await } else { self.publish(n).await }
    }

    async fn lapin(&self, n: usize) -> Result<()> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let properties =
            BasicProperties::default().with_delivery_mode(2).with_message_id(format!("message-{n}").into());
        let sent = self
            .channel
            .basic_publish("".into(), self.queue.as_str().into(), options, &self.body, properties)
            .await?;
        ensure!(sent.await?.is_ack(), "a message was not taken");
        Ok(())
    }

    async fn publish(&self, n: usize) -> Result<()> {
        let mut message = Message { body: self.body.clone().into(), ..Message::default() };
        message.properties.message_id = Some(format!("message-{n}"));
        let publication = Publication { exchange: String::new(), routing_key: self.queue.clone(), message };
        Ok(self.broker.publish(publication).await?)
    }

    /// The median of single publishes, in microseconds.
    async fn alone(&self, way: Way) -> Result<f64> {
        let mut waits = Vec::with_capacity(ALONE);
        for n in 0..ALONE {
            let begun = Instant::now();
            self.one(way, n).await?;
            waits.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(waits))
    }

    /// Empties the queue, which has to hold everything that was confirmed.
    async fn purge(&self, expected: usize) -> Result<()> {
        let purged =
            self.channel.queue_purge(self.queue.as_str().into(), QueuePurgeOptions::default()).await?;
        ensure!(purged as usize == expected, "{purged} messages were stored, {expected} were confirmed");
        // What the purge leaves to do belongs to no way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    async fn close(self) -> Result<()> {
        for queue in [self.queue.clone(), format!("{}.dlq", self.queue)] {
            self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        self.broker.close().await;
        Ok(())
    }
}
