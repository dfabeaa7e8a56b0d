//! A consumer with one worker, a gate before it, and a look at what is left.

use std::{collections::BTreeMap, time::Duration};

use consumer::{
    App, Storage, handler::ConsumerConfig, memory::MemoryBroker, message::Message, retry::RetryPolicy,
};
use consumer_tests::{
    auditor::{Auditor, key},
    backend::Backend,
    database::Database,
    stage::{Stage, message},
};

use crate::{
    Mode,
    handlers::{Log, mysql, postgres, sqlite},
};

/// The id of the event that waits at the gate.
const GATE: &str = "gate";

/// Where a test publishes what is to be one batch.
pub(crate) struct Yard {
    pub(crate) backend: Backend,
    pub(crate) mode: Mode,
    pub(crate) stage: Stage,
    pub(crate) log: Log,
    pub(crate) auditor: Auditor,
    gates: usize,
    _database: Database,
}

/// What is left of a batch.
pub(crate) struct Left {
    /// How often each event took effect.
    pub(crate) effects: BTreeMap<String, u64>,
    /// The reasons of its dead letters, by event.
    pub(crate) dead: BTreeMap<String, Vec<String>>,
}

impl Yard {
    /// `None` where a server is missing.
    pub(crate) async fn open(backend: Backend, mode: Mode) -> Option<Self> {
        let database = backend.database().await?;
        let mut auditor = Auditor::connect(backend, database.url()).await;
        auditor.create_business().await;
        let (log, url) = (Log::new(), database.url());
        let stage = match backend {
            Backend::Postgres => {
                start(postgres::store(url).await, postgres::obeying(mode, log.clone(), alone)).await
            }
            Backend::MySql => start(mysql::store(url).await, mysql::obeying(mode, log.clone(), alone)).await,
            Backend::Sqlite => {
                start(sqlite::store(url).await, sqlite::obeying(mode, log.clone(), alone)).await
            }
        };
        Some(Self { backend, mode, stage, log, auditor, gates: 0, _database: database })
    }

    /// Has these messages processed; they are one batch, because all of them wait while the worker does.
    pub(crate) async fn play(&mut self, messages: Vec<Message>) -> Left {
        let queue = self.mode.name();
        self.gates += 1;
        let gate = format!("{GATE}-{}", self.gates);
        self.stage.publish_message(queue, instruction(&gate, "waits")).await;
        self.stage.wait("the worker at the gate", |_| self.log.calls().contains(&gate)).await;
        let count = messages.len();
        for message in messages {
            self.stage.publish_message(queue, message).await;
        }
        let arrived = |stage: &Stage| stage.broker.depth(queue) == 0 && stage.broker.unacked(queue) > count;
        self.stage.wait("all of them in the process", arrived).await;
        self.log.open(1);
        self.stage.drained(queue).await;
        self.left().await
    }

    async fn left(&mut self) -> Left {
        let of = |((_, id), times): ((String, String), u64)| (id, times);
        let effects = self.auditor.effects().await.into_iter().map(of);
        let effects: BTreeMap<_, _> = effects.filter(|(id, _)| !id.starts_with(GATE)).collect();
        let mut dead: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for letter in self.stage.broker.messages(&format!("{}.dlq", self.mode.name())) {
            let reason = letter.headers.text("x-consumer-reason").unwrap_or("none").to_owned();
            dead.entry(letter.properties.message_id.clone().unwrap_or_default()).or_default().push(reason);
        }
        Left { effects, dead }
    }

    /// No event took effect without its claim.
    pub(crate) async fn assert_claimed(&mut self, left: &Left) {
        let claims = self.auditor.claims().await;
        for id in left.effects.keys() {
            let claim = (self.mode.name().to_owned(), key(id).as_bytes().to_vec());
            assert!(claims.contains(&claim), "{self}: {id} took effect without its claim");
        }
    }

    pub(crate) async fn close(self) {
        self.stage.stop().await.expect("a clean stop");
    }
}

impl std::fmt::Display for Yard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.mode.name(), self.backend)
    }
}

async fn start<S: Storage>(store: S, app: App<S>) -> Stage {
    Stage::start(store, MemoryBroker::new(), app).await
}

/// One worker, which retries without waiting for long.
fn alone(config: ConsumerConfig) -> ConsumerConfig {
    let policy = RetryPolicy::never().at_once(3).waits(Duration::from_millis(10), Duration::from_secs(1));
    config.concurrency(1).prefetch(1_000).retry(policy)
}

pub(crate) fn instruction(id: &str, what: &str) -> Message {
    message(id, "instruction", &format!(r#"{{"what":"{what}"}}"#))
}
