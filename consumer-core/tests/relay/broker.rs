//! A broker that answers as a script says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::{collections::HashMap, time::Duration};

use consumer_core::{
    Broker, Error, Result,
    broker::{BrokerState, Publication, QueueSpec},
    doctor::Finding,
    memory::{MemoryBroker, MemorySubscription},
};

/// What becomes of one publish.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It is stored and confirmed after this time.
    Confirm(Duration),
    /// It is not stored.
    Refuse(Error),
    /// It is stored, and no confirm comes within this time.
    Unconfirmed(Duration),
}

type Script = Arc<dyn Fn(&Publication, usize) -> Answer + Send + Sync>;

/// Answers as its script says; the script is told how often the message was published before.
#[derive(Clone)]
pub(crate) struct Scripted {
    inner: MemoryBroker,
    script: Script,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    flying: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn new(
        inner: MemoryBroker,
        script: impl Fn(&Publication, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            script: Arc::new(script),
            seen: Arc::default(),
            flying: Arc::default(),
            most: Arc::default(),
        }
    }

    /// The most publishes that were in flight at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// How often each message was published.
    pub(crate) fn publishes(&self) -> HashMap<String, usize> {
        self.seen.lock().expect("no panic").clone()
    }

    fn next(&self, publication: &Publication) -> Answer {
        let id = publication.message.properties.message_id.clone().expect("an id");
        let mut seen = self.seen.lock().expect("no panic");
        let times = seen.entry(id).or_default();
        *times += 1;
        (self.script)(publication, *times - 1)
    }

    async fn answer(&self, publication: Publication) -> Result<()> {
        match self.next(&publication) {
            Answer::Confirm(after) => {
                tokio::time::sleep(after).await;
                self.inner.publish(publication).await
            }
            Answer::Refuse(error) => Err(error),
            Answer::Unconfirmed(after) => {
                self.inner.publish(publication).await?;
                tokio::time::sleep(after).await;
                Err(Error::unconfirmed("no confirm came"))
            }
        }
    }
}

impl Broker for Scripted {
    const NAME: &'static str = "scripted";
    type Subscription = MemorySubscription;

    async fn prepare(&self, queues: &[QueueSpec]) -> Result<()> {
        self.inner.prepare(queues).await
    }

    async fn subscribe(&self, queue: &QueueSpec, prefetch: u16) -> Result<MemorySubscription> {
        self.inner.subscribe(queue, prefetch).await
    }

    async fn publish(&self, publication: Publication) -> Result<()> {
        let flying = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(flying, Ordering::SeqCst);
        let answer = self.answer(publication).await;
        self.flying.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    async fn depth(&self, queue: &str) -> Result<Option<u64>> {
        Broker::depth(&self.inner, queue).await
    }

    async fn examine(&self, queues: &[QueueSpec]) -> Vec<Finding> {
        self.inner.examine(queues).await
    }

    fn state(&self) -> BrokerState {
        self.inner.state()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
