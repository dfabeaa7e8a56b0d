//! What a victim is told to do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{backend::Backend, race::Racing};

/// A victim's only argument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    /// Consume until told to stop.
    Consume(Consuming),
    /// Relay the outbox until told to stop.
    Relay(Relaying),
    /// Redrive dead letters, all of them.
    Redrive(Redriving),
    /// Race other processes for claims.
    Race(Racing),
}

/// How to relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relaying {
    /// Which database.
    pub backend: Backend,
    /// Its URL.
    pub database: String,
    /// The broker's URL.
    pub amqp: String,
    /// How long a lease lasts.
    pub lease_ms: u64,
}

/// What to redrive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redriving {
    /// The URL of a PostgreSQL database.
    pub database: String,
    /// The broker's URL.
    pub amqp: String,
    /// The dead-letter queue.
    pub queue: String,
}

/// How to consume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Consuming {
    /// Which database.
    pub backend: Backend,
    /// Its URL.
    pub database: String,
    /// The broker's URL.
    pub amqp: String,
    /// The fanout exchange that the queues are bound to, and what their names begin with.
    pub exchange: String,
    /// Which of the victim's consumers run.
    pub consumers: Vec<String>,
    /// Workers of each consumer.
    pub workers: usize,
    /// Where handlers report.
    pub ledger: PathBuf,
    /// How long a handler works, twice this at most.
    pub work_ms: u64,
    /// The gateway that effects call, for the consumers that have some.
    #[serde(default)]
    pub gateway: Option<String>,
}

impl Consuming {
    /// The wait queues of a consumer.
    pub fn wait_queues(&self, consumer: &str) -> Vec<String> {
        let rungs: &[u64] = if consumer == "patient" { &super::app::RUNGS_MS } else { &[] };
        rungs.iter().map(|rung| format!("{}.wait.{rung}", self.queue(consumer))).collect()
    }

    /// The queue of a consumer.
    pub fn queue(&self, consumer: &str) -> String {
        queue(&self.exchange, consumer)
    }
}

/// The queue of a consumer, whose name stands behind the last dot.
pub fn queue(exchange: &str, consumer: &str) -> String {
    format!("{exchange}.{consumer}")
}
