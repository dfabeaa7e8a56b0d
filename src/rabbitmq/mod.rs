//! RabbitMQ, through lapin.
//!
//! [`RabbitMq`] keeps two connections, because RabbitMQ may stop reading from one that publishes, and acks would be held
//! up with it: one consumes, one publishes. What is lost is made again: a connection, a channel, a consumer, a queue
//! with its bindings. A delivery knows the channel it came from, and settling it after that channel's end does nothing:
//! the message comes again, and its claim tells that it is a duplicate.
//!
//! # Threads
//!
//! Connections live on threads of their own, so a handler that blocks delays no heartbeat and no ack.
//!
//! # Publishing
//!
//! Many messages are in flight on one channel, and each is told of its own confirm and its own return. RabbitMQ does not
//! say which of several messages for one exchange, with one routing key and one message id, it returns, so these are on
//! different channels. What made RabbitMQ close a channel, or was refused or not confirmed there, has a channel to itself
//! until it is taken.
//!
//! # Wait queues
//!
//! A copy that waits is in a quorum queue that dead-letters at least once whatever expires in it; see
//! [`QueueSpec::wait_queue`](consumer_core::broker::QueueSpec::wait_queue). What RabbitMQ cannot move it keeps, and
//! [`depth`](Broker::depth) does not count it any more: it tries again every three minutes, or what
//! `dead_letter_worker_publisher_confirm_timeout` says in its `advanced.config`, in milliseconds. That is so while the queue
//! does not exist, and for what expired while RabbitMQ itself was not there.
//!
//! RabbitMQ 3.10 does so only with the feature flag `stream_queue`, which clusters have that were made with 3.9 or later.
//! Without it, it takes the declaration, moves what expires at most once, and says so in its log only: "Falling back to
//! dead-letter-strategy at-most-once". No client can see that; `rabbitmqctl list_feature_flags` shows it.
//!
//! # What a publisher can do to a consumer
//!
//! lapin ends the connection on a message whose properties are no UTF-8, and the process on headers nested about a
//! thousand levels deep; both messages come again with every reconnect. Here neither reaches it: tables and arrays more
//! than [`MAX_HEADER_DEPTH`](consumer_core::message::MAX_HEADER_DEPTH) levels deep arrive as their bytes, and what cannot be represented
//! at all is taken out, noted in [`Delivery::damage`](consumer_core::broker::Delivery::damage), and kept as bytes in a
//! header `x-consumer-original-…`. Should a message kill connections in a way that is not known yet, it is suspected
//! after three deaths, and messages are taken one at a time until ten were settled; a quorum queue then counts only the
//! guilty one's deliveries and dead-letters it at its delivery limit.
//!
//! # Secrets
//!
//! No `Debug`, `Display`, error or log of this crate shows a password. lapin at level `TRACE` logs every frame, login and
//! payloads included: do not turn that on.

mod address;
mod backoff;
mod board;
mod builder;
mod consuming;
mod dial;
mod engine;
mod examination;
mod failure;
mod feed;
mod link;
mod message;
mod publisher;
mod returns;
mod session;
mod settle;
mod subscription;
mod suspicion;
mod topology;
mod watchdog;
mod wire;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use consumer_core::{
    Broker, Error, Result,
    broker::{BrokerState, Publication, QueueSpec},
    doctor::Finding,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::{
    address::Address,
    backoff::Backoff,
    board::Board,
    consuming::Consuming,
    engine::{Engine, Guest},
    examination::Examination,
    link::Link,
    publisher::Publisher,
};
pub use self::{builder::RabbitMqBuilder, subscription::RabbitMqSubscription};

/// A RabbitMQ broker; cheap to clone.
///
/// ```no_run
/// # async fn connect() -> consumer::Result<()> {
/// let broker = consumer::RabbitMq::connect("amqp://user:password@localhost:5672/%2f").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RabbitMq(Arc<Shared>);

/// What the clones and the subscriptions of one broker have in common. No task holds it, so that it can be dropped.
struct Shared {
    address: Address,
    consuming: Link,
    publisher: Arc<Publisher>,
    settlers: consuming::Settlers,
    /// How many consumers there were.
    consumers: AtomicU32,
    board: Board,
    /// How often a consumer is looked after.
    watch: Duration,
    closing: CancellationToken,
    engine: Engine,
}

impl RabbitMq {
    /// Connects to `amqp://user:password@host:5672/vhost`, with `amqps://` over TLS.
    ///
    /// # Errors
    /// As [`RabbitMqBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// Settings for a connection to that address.
    pub fn builder(url: &str) -> RabbitMqBuilder {
        RabbitMqBuilder::new(url)
    }

    /// Runs something on the engine's threads, where sockets and timers work whatever the caller runs on.
    async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let ran = self.0.engine.handle().spawn(task).await;
        ran.unwrap_or_else(|error| {
            Err(Error::unavailable("the connection to RabbitMQ was closed").because(error))
        })
    }
}

impl Broker for RabbitMq {
    const NAME: &'static str = "rabbitmq";

    type Subscription = RabbitMqSubscription;

    fn describe(&self) -> String {
        self.0.address.to_string()
    }

    async fn prepare(&self, queues: &[QueueSpec]) -> Result<()> {
        self.run(prepare(self.0.consuming.clone(), queues.to_vec())).await
    }

    async fn subscribe(&self, queue: &QueueSpec, prefetch: u16) -> Result<Self::Subscription> {
        let (sender, feeds) = mpsc::unbounded_channel();
        let (ready, started) = oneshot::channel();
        let subscription = RabbitMqSubscription {
            feeds,
            feed: None,
            cancel: self.0.closing.child_token(),
            _shared: self.0.clone(),
        };
        let consuming = Consuming {
            number: self.0.consumers.fetch_add(1, Ordering::Relaxed),
            link: self.0.consuming.clone(),
            queue: queue.clone(),
            prefetch,
            watch: self.0.watch,
            board: self.0.board.clone(),
            settlers: self.0.settlers.clone(),
            feeds: sender,
            cancel: subscription.cancel.clone(),
        };
        self.0.engine.handle().spawn(consuming.run(ready));
        started.await.unwrap_or_else(|_| Err(closed()))?;
        Ok(subscription)
    }

    async fn publish(&self, publication: Publication) -> Result<()> {
        let publisher = self.0.publisher.clone();
        let published = async move { publisher.publish(publication).await };
        Guest::new(self.0.engine.handle().clone(), published).await
    }

    async fn depth(&self, queue: &str) -> Result<Option<u64>> {
        self.run(topology::depth(self.0.consuming.clone(), queue.to_owned())).await
    }

    async fn examine(&self, queues: &[QueueSpec]) -> Vec<Finding> {
        let examination = Examination {
            address: self.0.address.clone(),
            board: self.0.board.clone(),
            consuming: self.0.consuming.clone(),
            publisher: self.0.publisher.clone(),
        };
        let queues = queues.to_vec();
        let examined = self.run(async move { Ok(examination.run(queues).await) }).await;
        examined.unwrap_or_else(|error| {
            vec![Finding::refuses("RabbitMQ", error.to_string(), "connect again, and ask again")]
        })
    }

    fn state(&self) -> BrokerState {
        self.0.board.state()
    }

    async fn close(&self) {
        let settlers =
            std::mem::take(&mut *self.0.settlers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for settler in settlers.iter().filter_map(|settler| settler.upgrade()) {
            settler.flush().await;
        }
        self.0.closing.cancel();
        self.0.consuming.closed().await;
        self.0.publisher.closed().await;
    }
}

/// Waits for a broker that is away, once per attempt and not for each queue.
async fn prepare(link: Link, queues: Vec<QueueSpec>) -> Result<()> {
    let mut backoff = Backoff::default();
    'attempt: loop {
        let session = link.session().await.ok_or_else(closed)?;
        for queue in &queues {
            match topology::prepare(&session, queue).await {
                Err(error) if error.is_unavailable() => {
                    tracing::warn!(%error, "queues cannot be prepared now");
                    tokio::time::sleep(backoff.after(None)).await;
                    continue 'attempt;
                }
                prepared => prepared?,
            }
        }
        return Ok(());
    }
}

fn closed() -> Error {
    Error::unavailable("the connection to RabbitMQ was closed by this application")
}

impl fmt::Debug for RabbitMq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMq")
            .field("address", &self.0.address)
            .field("state", &self.0.board.state())
            .finish()
    }
}
