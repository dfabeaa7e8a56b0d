//! A stage: a storage and a broker in this process, and processes that share them and die.

use std::time::Duration;

use consumer_core::{
    App, Broker, Result, Runtime,
    broker::Publication,
    effect::{EffectFilter, EffectRecord, EffectState},
    memory::MemoryBroker,
    message::{Message, Properties},
    operate::EffectLedger,
    outbox::{Listed, Relay},
    runtime::{EffectsConfig, RuntimeHandle},
    testing::MemoryStore,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// What outlives every process.
pub(crate) struct Stage {
    pub(crate) store: MemoryStore,
    pub(crate) broker: MemoryBroker,
}

/// A process.
pub(crate) struct Process {
    pub(crate) handle: RuntimeHandle,
    connection: MemoryBroker,
    running: JoinHandle<Result<()>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self { store: MemoryStore::new(), broker: MemoryBroker::new() }
    }

    pub(crate) async fn start(&self, app: App<MemoryStore>) -> Process {
        self.start_with(app, EffectsConfig::new()).await
    }

    pub(crate) async fn start_with(&self, app: App<MemoryStore>, effects: EffectsConfig) -> Process {
        let connection = self.broker.connect();
        let runtime = Runtime::new(self.store.clone(), connection.clone());
        let runtime = runtime.grace(Duration::from_secs(5)).effects(effects).relay(Relay::off());
        let handle = runtime.handle();
        let running = tokio::spawn(runtime.run(app).until(std::future::pending()));
        let process = Process { handle, connection, running };
        wait("the start", || process.handle.health().ready || process.running.is_finished()).await;
        assert!(!process.running.is_finished(), "{:?}", process.running.await);
        process
    }

    pub(crate) async fn publish(&self, queue: &str, id: &str, what: &str) {
        let properties = Properties {
            message_id: Some(id.to_owned()),
            message_type: Some("order".to_owned()),
            ..Properties::default()
        };
        let body = format!(r#"{{"what":"{what}"}}"#);
        let message = Message { properties, body: body.into(), ..Message::default() };
        let publication = Publication { exchange: String::new(), routing_key: queue.to_owned(), message };
        self.broker.publish(publication).await.expect("a queue");
    }

    pub(crate) async fn drained(&self, queue: &str) {
        wait("an empty queue", || self.broker.depth(queue) == 0 && self.broker.unacked(queue) == 0).await;
    }

    /// All rows of an effect.
    pub(crate) async fn rows(&self, effect: &str) -> Vec<EffectRecord> {
        let filter = EffectFilter { states: Vec::new(), effect: Some(effect.to_owned()), limit: 100 };
        EffectLedger::new(self.store.clone()).list(&filter).await.expect("a list")
    }

    /// Waits until the only row of an effect is in this state.
    pub(crate) async fn reaches(&self, effect: &str, state: EffectState) -> EffectRecord {
        let patience = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows(effect).await;
            if let [row] = &rows[..]
                && row.state == state
            {
                return row.clone();
            }
            assert!(Instant::now() < patience, "waited in vain for {effect} to be {state}: {rows:?}");
            sleep(TICK).await;
        }
    }

    /// What is in the outbox.
    pub(crate) fn outbox(&self) -> Vec<Listed> {
        self.store.written()
    }

    /// A header of each dead letter behind a queue.
    pub(crate) fn letters(&self, queue: &str, header: &str) -> Vec<String> {
        let letters = self.broker.messages(&format!("{queue}.dlq"));
        let text = |letter: &Message| {
            letter.headers.text(&format!("x-consumer-{header}")).unwrap_or("none").to_owned()
        };
        letters.iter().map(text).collect()
    }
}

impl Process {
    /// Dies in the middle of whatever it does.
    pub(crate) async fn kill(self) {
        self.running.abort();
        assert!(self.running.await.is_err_and(|error| error.is_cancelled()));
        self.connection.close().await;
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.handle.stop();
        self.running.await.expect("no panic").expect("a stop");
    }
}

const TICK: Duration = Duration::from_millis(2);
/// Of tokio's time, which does not pass while anything is to be done.
const PATIENCE: Duration = Duration::from_secs(48 * 60 * 60);

/// Waits for a condition.
pub(crate) async fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(600);
    while !condition() {
        assert!(Instant::now() < patience, "waited in vain for {what}");
        sleep(TICK).await;
    }
}
