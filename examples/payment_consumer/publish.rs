//! Publishing: as the services in front of us would do it.

use std::{future::ready, time::Duration};

use anyhow::Context;
use consumer::{Broker, broker::Publication};
use fastrand::Rng;
use futures_util::{TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::time::sleep;

use crate::traffic::Traffic;

/// Publishes that wait for their confirms at once.
const IN_FLIGHT: usize = 64;

/// What to publish.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Order {
    /// How many different events
    #[arg(long, default_value_t = 1_000)]
    pub count: usize,
    /// Which ones: the same seed gives the same events, ids included
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many of a hundred events are published twice
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(..=100))]
    pub duplicates: u8,
}

/// Publishes traffic, and returns when the broker has confirmed all of it.
pub async fn publish(broker: &impl Broker, order: Order) -> anyhow::Result<()> {
    let bar = ProgressBar::new(order.count as u64);
    let mut rng = Rng::with_seed(order.seed);
    let messages = Traffic::new(order.seed).take(order.count).map(|sent| {
        let copies = if rng.u8(..100) < order.duplicates { 2 } else { 1 };
        anyhow::Ok((sent?.publication, copies))
    });
    stream::iter(messages)
        .map_ok(|(publication, copies)| send_copies(broker, publication, copies))
        .try_buffer_unordered(IN_FLIGHT)
        .try_for_each(|()| {
            bar.inc(1);
            ready(Ok(()))
        })
        .await?;
    bar.finish_and_clear();
    println!("published {} events; {} in 100 of them twice", order.count, order.duplicates);
    Ok(())
}

async fn send_copies(broker: &impl Broker, publication: Publication, copies: usize) -> anyhow::Result<()> {
    for _ in 0..copies {
        send(broker, publication.clone()).await?;
    }
    Ok(())
}

/// Publishes a message until its confirm arrives. Where one got lost there are two messages then, with one id.
pub async fn send(broker: &impl Broker, publication: Publication) -> anyhow::Result<()> {
    while let Err(error) = broker.publish(publication.clone()).await {
        if error.is_unroutable() {
            return Err(error).context("no queue is bound for these events yet: start `serve` once before");
        }
        if !(error.is_unconfirmed() || error.is_unavailable()) {
            return Err(error.into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
