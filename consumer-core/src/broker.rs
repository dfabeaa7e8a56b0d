//! The contract of a broker: queues, subscriptions, deliveries and a confirmed publisher.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{doctor::Finding, error::Result, message::Message};

/// What the runtime does about a queue at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Topology {
    /// Declare the queue, its dead-letter queue, its wait queues and its bindings; fail if one exists with other arguments.
    #[default]
    Declare,
    /// Change nothing; fail if the queue, its dead-letter queue or a wait queue is missing, and name what would lose
    /// messages.
    Check,
    /// Look at nothing.
    Leave,
}

/// How RabbitMQ stores a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum QueueKind {
    /// Replicated, with a delivery count; the default.
    #[default]
    Quorum,
    /// For queues that exist already and cannot be changed.
    Classic,
}

/// A route from an exchange to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The exchange; it has to exist.
    pub exchange: String,
    /// The routing key, or a topic pattern.
    pub routing_key: String,
}

/// A queue as a consumer needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// Where dead letters of it go.
    pub dead_letter: String,
    /// How it is stored.
    pub kind: QueueKind,
    /// What to do about it at start.
    pub topology: Topology,
    /// How often the broker itself delivers a message before it gives up, quorum queues only.
    pub delivery_limit: u32,
    /// Routes to it.
    pub bindings: Vec<Binding>,
    /// The delays after which a copy of a failed message comes back to it, each with a [wait queue](Self::wait_queue).
    pub ladder: Vec<Duration>,
}

impl QueueSpec {
    /// Far above our own limits on attempts and deaths, so that it only ever catches messages that kill the process before it
    /// counts them.
    pub const DELIVERY_LIMIT: u32 = 100;

    /// A quorum queue with `<name>.dlq` behind it.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            dead_letter: format!("{name}.dlq"),
            name,
            kind: QueueKind::default(),
            topology: Topology::default(),
            delivery_limit: Self::DELIVERY_LIMIT,
            bindings: Vec::new(),
            ladder: Vec::new(),
        }
    }

    /// The queue in which copies wait this long before they come back: `<queue>.wait.<milliseconds>`.
    ///
    /// Whatever is in it expires after [`longest_wait`](Self::longest_wait), or earlier by its own `expiration`, but never
    /// before what was published to it earlier. The broker then moves it to the queue, at least once: it is published there
    /// through the default exchange, without its `expiration`, and stays in the wait queue while the queue does not exist.
    pub fn wait_queue(&self, delay: Duration) -> String {
        format!("{}.wait.{}", self.name, delay.as_millis())
    }

    /// How long a copy is in the wait queue of that delay at most: [`LONGEST_SPREAD`](Self::LONGEST_SPREAD) times the delay.
    pub fn longest_wait(delay: Duration) -> Duration {
        Duration::try_from_secs_f64(delay.as_secs_f64() * Self::LONGEST_SPREAD).unwrap_or(Duration::MAX)
    }

    /// How much longer than its delay a copy may wait: copies that leave together come back spread out.
    pub const LONGEST_SPREAD: f64 = 1.25;
}

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is done: the broker forgets it.
    Ack,
    /// It goes back to the queue.
    Requeue,
}

/// Told when the broker has been told.
///
/// Called exactly once, from a thread of the broker's, so it must not block. `true`: the settlement was written to the
/// channel the delivery came from. `false`: that channel is gone or was settled before, nothing is known to have reached
/// the broker, and it delivers the message again.
pub type Settled = Box<dyn FnOnce(bool) + Send>;

/// Told when the broker has been told of several deliveries: of how many of them it was not. Otherwise as [`Settled`].
pub type AllSettled = Box<dyn FnOnce(usize) + Send>;

/// Settles deliveries of one channel; never blocks, and writes in the background.
pub trait Settle: Send + Sync {
    /// Settles the delivery with this tag, once; a second settlement of one tag is answered `false` and never sent.
    fn settle(&self, tag: u64, settlement: Settlement, settled: Settled);

    /// Settles several deliveries alike, as if each of them was settled by itself.
    fn settle_all(&self, tags: Vec<u64>, settlement: Settlement, settled: AllSettled) {
        let together = Together::new(settled);
        for tag in tags {
            let together = together.clone();
            self.settle(tag, settlement, Box::new(move |reached| together.is_told(reached)));
        }
    }

    /// Whether the channel is still there. A delivery of a channel that is gone will come again.
    fn is_open(&self) -> bool;
}

/// What is owed to whoever settled several deliveries at once: an answer when the last of its parts is gone.
pub struct Together {
    missed: AtomicUsize,
    /// Never locked: it need not be `Sync`, but its parts are shared.
    settled: Mutex<Option<AllSettled>>,
}

impl Together {
    /// The first of its parts; the others are clones.
    pub fn new(settled: AllSettled) -> Arc<Self> {
        Arc::new(Self { missed: AtomicUsize::new(0), settled: Mutex::new(Some(settled)) })
    }

    /// Notes what became of one of the deliveries.
    pub fn is_told(&self, reached: bool) {
        if !reached {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        if let Some(settled) = self.settled.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            settled(*self.missed.get_mut());
        }
    }
}

impl fmt::Debug for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together").field("missed", &self.missed).finish_non_exhaustive()
    }
}

/// A message on its way through the runtime, owed a settlement.
///
/// Dropped without one, it stays unsettled until its channel ends, and then comes again.
pub struct Delivery {
    /// The message, which is shared with whoever reads its headers later.
    pub message: Arc<Message>,
    /// What of the message cannot be represented and was replaced, for its dead letter; `None` in nearly every one.
    ///
    /// A publisher can put bytes into an id that are no text. No rule may be built on what is left of such a message: it
    /// goes to the dead-letter queue as [`Undecodable`](crate::message::Reason::Undecodable), the bytes in its headers.
    pub damage: Option<String>,
    /// Whether the broker may have delivered it before. True after every reconnect, so it proves nothing.
    pub redelivered: bool,
    /// Which delivery of its channel this is.
    pub tag: u64,
    /// Its channel.
    pub channel: Arc<dyn Settle>,
}

impl Delivery {
    /// Settles it.
    pub fn settle(self, settlement: Settlement, settled: Settled) {
        self.channel.settle(self.tag, settlement, settled);
    }

    /// Whether a settlement can still reach the broker.
    pub fn is_live(&self) -> bool {
        self.channel.is_open()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("tag", &self.tag)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// Whether the broker can be used right now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerState {
    /// Connected.
    Up,
    /// Connected, but the broker takes no publishes (`connection.blocked`), with its reason.
    Blocked(String),
    /// Not connected, with the last error.
    Down(String),
}

/// Deliveries of one queue. It survives what the connection does not.
///
/// Dropped, it consumes no more; what was handed out can still be settled, the rest goes back to the queue.
pub trait Subscription: Send + 'static {
    /// The next delivery; `None` only after [`Subscription::cancel`], once what was prefetched has been handed out.
    ///
    /// # Cancel safety
    /// No delivery is lost when the future is dropped.
    fn next(&mut self) -> impl Future<Output = Option<Delivery>> + Send;

    /// Asks for no more. What was prefetched still comes, and can be settled.
    fn cancel(&mut self) -> impl Future<Output = ()> + Send;
}

/// A message for an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The exchange; empty for the default exchange, which routes to the queue named by the routing key.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// What to publish. Its own `exchange` and `routing_key` say where it came from and are not used.
    pub message: Message,
}

/// Where messages come from and go to.
pub trait Broker: Clone + Send + Sync + 'static {
    /// The name used in logs, such as `rabbitmq`.
    const NAME: &'static str;

    /// Deliveries of one queue.
    type Subscription: Subscription;

    /// Where the broker is, for logs; never with a password.
    fn describe(&self) -> String {
        Self::NAME.to_owned()
    }

    /// Declares or checks queues, with their dead-letter and wait queues, as each one says.
    ///
    /// # Errors
    /// [`is_topology`](crate::Error::is_topology) naming the argument that differs, or what is missing.
    fn prepare(&self, queues: &[QueueSpec]) -> impl Future<Output = Result<()>> + Send;

    /// Consumes a queue with at most `prefetch` unsettled deliveries.
    ///
    /// # Errors
    /// Only what cannot get better by waiting; a broker that is away is waited for.
    fn subscribe(
        &self,
        queue: &QueueSpec,
        prefetch: u16,
    ) -> impl Future<Output = Result<Self::Subscription>> + Send;

    /// Publishes a message, mandatory and persistent, and waits for the broker's confirm.
    ///
    /// # Errors
    /// [`is_unroutable`](crate::Error::is_unroutable): no queue took it.
    /// [`is_unconfirmed`](crate::Error::is_unconfirmed): it may be stored or not; publish it again.
    /// [`is_nacked`](crate::Error::is_nacked), which is unconfirmed too: a queue is full, others may have taken it.
    /// [`is_unavailable`](crate::Error::is_unavailable): the broker is away, nothing was sent.
    /// [`is_unpublishable`](crate::Error::is_unpublishable): no broker takes it as it is; nothing was sent.
    /// [`is_refused`](crate::Error::is_refused): this user may not publish there.
    ///
    /// # Cancel safety
    /// Dropped, the message may be published or not, as after an unconfirmed one.
    fn publish(&self, publication: Publication) -> impl Future<Output = Result<()>> + Send;

    /// How many messages wait in a queue, those that somebody holds unsettled not among them; `None` if there is no such
    /// queue.
    ///
    /// # Errors
    /// [`is_unavailable`](crate::Error::is_unavailable): the broker is away; it is waited for a few seconds at most.
    /// [`is_refused`](crate::Error::is_refused): this user may not look.
    fn depth(&self, queue: &str) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// What a start would refuse or warn about, without changing anything: a queue that is missing or has other arguments,
    /// a dead-letter queue that is missing, a wait queue that may lose what expires in it, a right that is missing.
    ///
    /// All of it at once, and each with its remedy. A broker that is away is a finding, and nothing behind it can be looked
    /// at.
    fn examine(&self, queues: &[QueueSpec]) -> impl Future<Output = Vec<Finding>> + Send;

    /// Whether it can be used right now, for health and metrics.
    fn state(&self) -> BrokerState;

    /// Closes all connections, after every settlement handed in so far has been written.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
