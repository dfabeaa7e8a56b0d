//! A deployment: how a process has set up one of its consumers, as the database keeps it for the doctor.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::broker::{Binding, QueueKind, QueueSpec, Topology};

/// Connections that a process holds, each for as long as it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holders {
    /// The workers of all its consumers.
    pub workers: usize,
    /// Whether it relays the outbox.
    pub relay: bool,
    /// Whether it runs effects.
    pub runner: bool,
}

impl Holders {
    /// How many connections these are.
    pub fn connections(&self) -> usize {
        self.workers.saturating_add(usize::from(self.relay) + usize::from(self.runner))
    }
}

/// How a process has set up one of its consumers.
///
/// The runtime writes it at start, through [`Storage::note_deployments`](crate::Storage::note_deployments); people with a
/// command line, and [`examine`](super::examine), read it. Versions of the library differ in what they write: what is missing is
/// its default, what is unknown is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The consumer's name.
    pub consumer: String,
    /// Its queue, with its dead-letter queue and its ladder.
    pub queue: QueueSpec,
    /// Its workers.
    pub concurrency: usize,
    /// Its unsettled deliveries.
    pub prefetch: u16,
    /// The time between two of them at its rate limit; none without one.
    pub pace: Duration,
    /// How long its handler may run.
    pub handler_timeout: Duration,
    /// How long a delivery can be unsettled while it is tried: its attempts at once, what comes before them, and the waits
    /// between them.
    pub longest_hold: Duration,
    /// How long the broker lets a delivery be unsettled.
    pub consumer_timeout: Duration,
    /// How long claims are kept.
    pub retention: Duration,
    /// The connections that its process holds.
    pub holders: Holders,
    /// How many its process can have, if there is a limit.
    pub pool: Option<u32>,
}

impl Deployment {
    /// RabbitMQ's default consumer timeout.
    pub const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);
    /// How long claims are kept unless somebody says otherwise.
    pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// A consumer of a queue, of whose set-up nothing else is known; its queue is not to be touched.
    pub fn unknown(consumer: impl Into<String>, queue: impl Into<String>) -> Self {
        Self {
            consumer: consumer.into(),
            queue: QueueSpec { topology: Topology::Check, ..QueueSpec::new(queue) },
            concurrency: 0,
            prefetch: u16::MAX,
            pace: Duration::ZERO,
            handler_timeout: Duration::ZERO,
            longest_hold: Duration::ZERO,
            consumer_timeout: Self::CONSUMER_TIMEOUT,
            retention: Self::RETENTION,
            holders: Holders::default(),
            pool: None,
        }
    }

    /// As the database keeps it.
    pub fn to_json(&self) -> String {
        let written = serde_json::to_string(&Written::from(self.clone()));
        written.expect("texts, numbers and truth values are JSON")
    }

    /// As it was kept for this consumer; `None` where that is no set-up at all.
    pub fn from_json(consumer: &str, json: &str) -> Option<Self> {
        let members: serde_json::Map<_, _> = serde_json::from_str(json).ok()?;
        let written: Written = serde_json::from_value(members.into()).ok()?;
        let queue = if written.queue.is_empty() { consumer.to_owned() } else { written.queue.clone() };
        Some(written.read(consumer, queue))
    }
}

/// The JSON.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Written {
    queue: String,
    dead_letter_queue: Option<String>,
    kind: Option<String>,
    topology: Option<String>,
    delivery_limit: Option<u32>,
    bindings: Vec<(String, String)>,
    ladder_ms: Vec<u64>,
    concurrency: usize,
    prefetch: u16,
    pace_us: u64,
    handler_timeout_ms: u64,
    longest_hold_ms: u64,
    consumer_timeout_ms: u64,
    retention_seconds: u64,
    holders: Holders,
    pool: Option<u32>,
}

impl Default for Written {
    fn default() -> Self {
        let mut written = Self::from(Deployment::unknown("", ""));
        written.dead_letter_queue = None;
        written
    }
}

impl Written {
    fn read(self, consumer: &str, queue: String) -> Deployment {
        let spec = QueueSpec::new(queue);
        let bindings = self.bindings.into_iter();
        let queue = QueueSpec {
            dead_letter: self.dead_letter_queue.unwrap_or(spec.dead_letter),
            kind: if self.kind.as_deref() == Some(CLASSIC) { QueueKind::Classic } else { QueueKind::Quorum },
            topology: topology(self.topology.as_deref()),
            delivery_limit: self.delivery_limit.unwrap_or(spec.delivery_limit),
            bindings: bindings.map(|(exchange, routing_key)| Binding { exchange, routing_key }).collect(),
            ladder: self.ladder_ms.into_iter().map(Duration::from_millis).collect(),
            name: spec.name,
        };
        Deployment {
            consumer: consumer.to_owned(),
            queue,
            concurrency: self.concurrency,
            prefetch: self.prefetch,
            pace: Duration::from_micros(self.pace_us),
            handler_timeout: Duration::from_millis(self.handler_timeout_ms),
            longest_hold: Duration::from_millis(self.longest_hold_ms),
            consumer_timeout: Duration::from_millis(self.consumer_timeout_ms),
            retention: Duration::from_secs(self.retention_seconds),
            holders: self.holders,
            pool: self.pool,
        }
    }
}

impl From<Deployment> for Written {
    fn from(deployment: Deployment) -> Self {
        let QueueSpec { name, dead_letter, kind, topology, delivery_limit, bindings, ladder } =
            deployment.queue;
        let bindings = bindings.into_iter();
        Self {
            queue: name,
            dead_letter_queue: Some(dead_letter),
            kind: Some(if kind == QueueKind::Classic { CLASSIC } else { QUORUM }.to_owned()),
            topology: Some(said(topology).to_owned()),
            delivery_limit: Some(delivery_limit),
            bindings: bindings.map(|Binding { exchange, routing_key }| (exchange, routing_key)).collect(),
            ladder_ms: ladder.into_iter().map(milliseconds).collect(),
            concurrency: deployment.concurrency,
            prefetch: deployment.prefetch,
            pace_us: u64::try_from(deployment.pace.as_micros()).unwrap_or(u64::MAX),
            handler_timeout_ms: milliseconds(deployment.handler_timeout),
            longest_hold_ms: milliseconds(deployment.longest_hold),
            consumer_timeout_ms: milliseconds(deployment.consumer_timeout),
            retention_seconds: deployment.retention.as_secs(),
            holders: deployment.holders,
            pool: deployment.pool,
        }
    }
}

const QUORUM: &str = "quorum";
const CLASSIC: &str = "classic";

fn said(topology: Topology) -> &'static str {
    match topology {
        Topology::Declare => "declare",
        Topology::Check => "check",
        Topology::Leave => "leave",
    }
}

/// One that nobody knows is one that changes nothing.
fn topology(text: Option<&str>) -> Topology {
    let all = [Topology::Declare, Topology::Check, Topology::Leave];
    all.into_iter().find(|topology| Some(said(*topology)) == text).unwrap_or(Topology::Check)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Deployment {
        let queue = QueueSpec {
            dead_letter: "graveyard".to_owned(),
            kind: QueueKind::Classic,
            topology: Topology::Leave,
            delivery_limit: 7,
            bindings: vec![Binding { exchange: "shop".to_owned(), routing_key: "#".to_owned() }],
            ladder: vec![Duration::from_secs(5), Duration::from_millis(30_001)],
            ..QueueSpec::new("payments")
        };
        Deployment {
            consumer: "ledger".to_owned(),
            queue,
            concurrency: 8,
            prefetch: 64,
            pace: Duration::from_micros(1_500),
            handler_timeout: Duration::from_secs(30),
            longest_hold: Duration::from_secs(91),
            consumer_timeout: Duration::from_secs(1_800),
            retention: Duration::from_secs(604_800),
            holders: Holders { workers: 8, relay: true, runner: false },
            pool: Some(12),
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for topology in [Topology::Declare, Topology::Check, Topology::Leave] {
            let mut deployment = deployment();
            deployment.queue.topology = topology;
            assert_eq!(Deployment::from_json("ledger", &deployment.to_json()), Some(deployment));
        }
    }

    /// Another version of the library wrote it.
    #[test]
    fn what_is_missing_is_its_default_and_what_is_unknown_is_left_out() {
        let read = Deployment::from_json("ledger", r#"{"queue":"payments","kind":"stream","moon":[1]}"#);
        assert_eq!(read, Some(Deployment::unknown("ledger", "payments")));
        let bare = Deployment::from_json("ledger", "{}");
        assert_eq!(bare, Some(Deployment::unknown("ledger", "ledger")));
        for nonsense in ["", "[]", "null", r#"{"queue":7}"#] {
            assert_eq!(Deployment::from_json("ledger", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn times_without_an_end_can_be_written() {
        let deployment = Deployment { longest_hold: Duration::MAX, ..deployment() };
        let read = Deployment::from_json("ledger", &deployment.to_json()).expect("a deployment");
        assert_eq!(read.longest_hold, Duration::from_millis(u64::MAX));
    }
}
