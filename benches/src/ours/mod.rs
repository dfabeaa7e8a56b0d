//! The same business through `consumer`: a function, and how it is deployed.

pub mod mysql;
pub mod postgres;
pub mod sqlite;

use std::collections::BTreeMap;

use anyhow::Result;
use consumer::{
    App, Classify, RabbitMq, Runtime, Storage,
    broker::{QueueKind as Kind, Topology},
    handler::{Batch, ConsumerConfig},
};

use crate::{
    broker::{QueueKind, dead_letters},
    payment::Payment,
    stage::Stage,
    witness,
};

/// Why a payment is not taken.
#[derive(Debug, thiserror::Error, Classify)]
enum NotTaken {
    #[error("a payment of less than nothing")]
    #[classify(permanent)]
    Refused,
    #[error("the database")]
    Database(#[from] sqlx::Error),
}

/// What each account gets, in the order of the accounts.
fn sums(payments: &Batch<Payment>) -> BTreeMap<i64, i64> {
    let mut sums = BTreeMap::new();
    for payment in payments.events() {
        *sums.entry(payment.account).or_default() += payment.amount_cents;
    }
    sums
}

/// The queue is the one that the harness has filled.
fn on(stage: &Stage, config: ConsumerConfig) -> ConsumerConfig {
    let kind = match stage.queue_kind {
        QueueKind::Quorum => Kind::Quorum,
        QueueKind::Classic => Kind::Classic,
    };
    let config = config.queue(stage.queue.as_str()).dead_letter_queue(dead_letters(&stage.queue));
    config.queue_kind(kind).topology(Topology::Leave)
}

/// Two at the same queue and the same rows.
async fn twice<F: Future<Output = Result<()>>>(stage: Stage, run: impl Fn(Stage) -> F) -> Result<()> {
    tokio::try_join!(run(stage.clone()), run(stage)).map(drop)
}

/// Consumes until the run is over.
async fn consume<S: Storage>(stage: Stage, store: S, app: App<S>) -> Result<()> {
    let _witness = witness::of(&stage.meter);
    let broker = RabbitMq::connect(&stage.amqp).await?;
    Ok(Runtime::new(store, broker).run(app).until(stage.over()).await?)
}
