//! A stage for tests of the runtime: a broker in this process, a running app, and what was seen.

use std::time::Duration;

use consumer::{
    App, Result, Runtime, Storage,
    broker::{Broker, Publication},
    memory::MemoryBroker,
    message::{Message, Properties},
    runtime::RuntimeHandle,
};
use tokio::task::JoinHandle;

/// A runtime at work.
pub struct Stage {
    /// Its broker.
    pub broker: MemoryBroker,
    /// Its handle.
    pub handle: RuntimeHandle,
    running: JoinHandle<Result<()>>,
}

impl Stage {
    /// Starts an app.
    pub async fn start<S: Storage>(store: S, broker: MemoryBroker, app: App<S>) -> Self {
        let runtime = Runtime::new(store, broker.clone()).grace(Duration::from_secs(5));
        let handle = runtime.handle();
        let running = tokio::spawn(runtime.run(app).until(std::future::pending()));
        let stage = Self { broker, handle, running };
        stage.wait("the start", |stage| stage.handle.health().ready || stage.running.is_finished()).await;
        stage
    }

    /// Publishes JSON to a queue.
    pub async fn publish(&self, queue: &str, id: &str, event_type: &str, body: &str) {
        self.publish_message(queue, message(id, event_type, body)).await;
    }

    /// Publishes a message to a queue.
    pub async fn publish_message(&self, queue: &str, message: Message) {
        let publication = Publication { exchange: String::new(), routing_key: queue.to_owned(), message };
        self.broker.publish(publication).await.expect("a queue");
    }

    /// Waits for a condition; a minute of tokio's time is the end of patience.
    pub async fn wait(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(60);
        while !condition(self) {
            assert!(tokio::time::Instant::now() < patience, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a queue is empty and nothing of it is in work.
    pub async fn drained(&self, queue: &str) {
        self.wait("an empty queue", |s| s.broker.depth(queue) == 0 && s.broker.unacked(queue) == 0).await;
    }

    /// The reasons of the dead letters behind a queue.
    pub fn dead(&self, queue: &str) -> Vec<String> {
        let letters = self.broker.messages(&format!("{queue}.dlq"));
        let reason = |letter: &Message| letter.headers.text("x-consumer-reason").unwrap_or("none").to_owned();
        letters.iter().map(reason).collect()
    }

    /// The errors of the dead letters behind a queue.
    pub fn dead_errors(&self, queue: &str) -> Vec<String> {
        let letters = self.broker.messages(&format!("{queue}.dlq"));
        let error = |letter: &Message| letter.headers.text("x-consumer-error").unwrap_or("none").to_owned();
        letters.iter().map(error).collect()
    }

    /// Dies without a word, as a process does. Its connection to the broker is the caller's to close.
    pub async fn kill(self) {
        self.running.abort();
        // It may have ended by itself.
        let _ = self.running.await;
    }

    /// Stops in good order.
    pub async fn stop(self) -> Result<()> {
        self.handle.stop();
        self.running.await.expect("the runtime does not panic")
    }
}

/// A message with an id, a type and a JSON body.
pub fn message(id: &str, event_type: &str, body: &str) -> Message {
    Message {
        properties: Properties {
            message_id: (!id.is_empty()).then(|| id.to_owned()),
            message_type: Some(event_type.to_owned()),
            content_type: Some("application/json".to_owned()),
            ..Properties::default()
        },
        body: body.to_owned().into(),
        ..Message::default()
    }
}
