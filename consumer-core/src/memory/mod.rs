//! A broker in this process, with RabbitMQ's semantics.
//!
//! [`MemoryBroker`] is what examples and tests run on: queues with prefetch, unsettled deliveries that come back,
//! redelivery counts, dead letters, wait queues, exchanges and confirms behave as they do in RabbitMQ. Nothing is stored on
//! disk, and nothing runs in the background.
//!
//! [`Chaos`] adds what a network does: duplicates, reordering, delays, lost confirms, dead channels.
//!
//! ```
//! use consumer_core::{
//!     broker::{Broker, Publication, QueueSpec, Settlement, Subscription},
//!     memory::MemoryBroker,
//!     message::Message,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> consumer_core::Result<()> {
//! let broker = MemoryBroker::new();
//! let orders = QueueSpec::new("orders");
//! broker.prepare(&[orders.clone()]).await?;
//! broker
//!     .publish(Publication {
//!         exchange: String::new(),
//!         routing_key: "orders".into(),
//!         message: Message { body: "one coffee".into(), ..Message::default() },
//!     })
//!     .await?;
//!
//! let mut deliveries = broker.subscribe(&orders, 10).await?;
//! let delivery = deliveries.next().await.expect("a subscription ends only when it is cancelled");
//! assert_eq!(delivery.message.body, "one coffee");
//! assert_eq!(broker.unacked("orders"), 1);
//!
//! delivery.settle(Settlement::Ack, Box::new(|sent| assert!(sent)));
//! assert_eq!(broker.unacked("orders"), 0);
//! # Ok(())
//! # }
//! ```

mod channel;
mod chaos;
mod consumer;
mod dead_letter;
mod declared;
mod examine;
mod exchange;
mod frame;
mod queue;
mod server;
mod state;
mod subscription;
mod terms;
#[cfg(test)]
mod tests;
mod waiting;

use std::{fmt, sync::Arc, time::Duration};

pub use self::{
    chaos::{Chaos, Faults},
    exchange::ExchangeKind,
    queue::Tally,
    subscription::MemorySubscription,
};
use self::{consumer::Consumer, queue::Queue, server::Server, state::State};
use crate::{
    broker::{Broker, BrokerState, Publication, QueueSpec},
    clock,
    doctor::Finding,
    error::{Error, Result},
    message::Message,
};

/// How long a publish or a look waits for a broker that is down or blocked, unless told otherwise.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a broker that lives in this process.
///
/// A clone shares the connection, as it does with a real broker; [`connect`](Self::connect) opens another one to the
/// same queues, as another process would.
#[derive(Clone)]
pub struct MemoryBroker {
    server: Arc<Server>,
    connection: u64,
    confirm_timeout: Duration,
}

impl MemoryBroker {
    /// A new server without queues, and a connection to it.
    pub fn new() -> Self {
        Self { server: Arc::default(), connection: 0, confirm_timeout: CONFIRM_TIMEOUT }
    }

    /// A new server that does harm from its first message on.
    pub fn with_chaos(chaos: Chaos) -> Self {
        let broker = Self::new();
        broker.unleash(chaos);
        broker
    }

    /// Another connection to the same server: [`close`](Broker::close) of the one leaves the other alone.
    #[must_use]
    pub fn connect(&self) -> Self {
        Self { connection: self.server.lock().new_connection(), ..self.clone() }
    }

    /// The same connection, with another limit on how long a publish waits while the broker is down or blocked, and
    /// [`Broker::depth`] while it is down.
    #[must_use]
    pub fn with_confirm_timeout(self, confirm_timeout: Duration) -> Self {
        Self { confirm_timeout, ..self }
    }

    /// Declares an exchange; one that exists keeps its kind.
    ///
    /// `amq.direct`, `amq.fanout` and `amq.topic` are there from the start.
    pub fn declare_exchange(&self, name: &str, kind: ExchangeKind) {
        self.server.lock().declared.declare_exchange(name, kind);
    }
}

/// What is in a queue. A queue that does not exist holds nothing.
///
/// A message that has expired by then has moved on: a copy is in its wait queue for as long as it waits, and then in the
/// queue that it came back to.
impl MemoryBroker {
    /// How many messages wait in a queue, those that chaos delays included.
    pub fn depth(&self, queue: &str) -> usize {
        self.look_at(queue, Queue::depth)
    }

    /// How many messages of a queue are with consumers, whether handed out or prefetched.
    pub fn unacked(&self, queue: &str) -> usize {
        self.look_at(queue, Queue::unacked)
    }

    /// The messages that wait in a queue, in order, as a consumer would get them. They stay where they are.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.look_at(queue, Queue::messages)
    }

    /// Throws away what waits in a queue, and returns how many messages that were. What is unacked stays.
    pub fn purge(&self, queue: &str) -> usize {
        self.server.update(|state| state.purge(queue))
    }

    /// What happened in a queue so far.
    pub fn tally(&self, queue: &str) -> Tally {
        self.look_at(queue, Queue::tally)
    }

    /// Waits until a queue holds nothing, neither waiting nor unacked. What is in its wait queues does not count: ask for
    /// them by their own names.
    pub async fn drained(&self, queue: &str) {
        self.server.wait(|state| state.declared.queue(queue).is_none_or(Queue::is_drained)).await;
    }

    fn look_at<T: Default>(&self, queue: &str, look: impl FnOnce(&Queue) -> T) -> T {
        self.server.look(|state| state.declared.queue(queue).map(look)).unwrap_or_default()
    }
}

/// Faults, on demand or by chance.
impl MemoryBroker {
    /// Does harm by chance from now on, instead of what was unleashed before.
    pub fn unleash(&self, chaos: Chaos) {
        self.server.lock().unleash(chaos);
    }

    /// Does no more harm by chance. What is delayed already still comes late.
    pub fn calm(&self) {
        self.server.lock().calm();
    }

    /// How often each fault fired, for tests that must not pass without it.
    pub fn faults(&self) -> Faults {
        self.server.lock().faults()
    }

    /// Cuts all channels that consume a queue, and returns how many those were.
    ///
    /// Everything unacked goes back and comes again as redelivered, settlements of old deliveries answer `false`, and
    /// each subscription continues on a new channel.
    pub fn cut(&self, queue: &str) -> usize {
        self.server.update(|state| state.cut_all(queue))
    }

    /// Takes no publishes from now on, as RabbitMQ does under a memory or disk alarm. Deliveries continue.
    ///
    /// A publish waits for [`recover`](Self::recover) and then for no longer than its timeout; one that timed out is
    /// stored all the same once the broker recovers, because it was on its way.
    pub fn block(&self, reason: &str) {
        self.server.update(|state| state.enter(BrokerState::Blocked(reason.to_owned())));
    }

    /// Goes away: cuts every channel and delivers nothing. Publishes wait for [`recover`](Self::recover), and fail as
    /// unavailable after their timeout.
    pub fn go_down(&self, reason: &str) {
        self.server.update(|state| state.enter(BrokerState::Down(reason.to_owned())));
    }

    /// Ends [`block`](Self::block) and [`go_down`](Self::go_down).
    pub fn recover(&self) {
        self.server.update(|state| state.enter(BrokerState::Up));
    }
}

impl Broker for MemoryBroker {
    const NAME: &'static str = "memory";

    type Subscription = MemorySubscription;

    async fn prepare(&self, queues: &[QueueSpec]) -> Result<()> {
        self.server.wait(State::is_connected).await;
        self.server.lock().declared.prepare(queues)
    }

    async fn subscribe(&self, queue: &QueueSpec, prefetch: u16) -> Result<MemorySubscription> {
        self.server.wait(State::is_connected).await;
        let consumer = Consumer::new(self.connection, prefetch);
        let bell = consumer.bell();
        let address = self.server.lock().join(&queue.name, consumer)?;
        Ok(MemorySubscription::new(self.server.clone(), address, bell))
    }

    async fn publish(&self, publication: Publication) -> Result<()> {
        frame::check(&publication)?;
        self.server.publish(publication, self.confirm_timeout).await
    }

    async fn depth(&self, queue: &str) -> Result<Option<u64>> {
        drop(clock::timeout(self.confirm_timeout, self.server.wait(State::is_connected)).await);
        self.server.look(|state| match state.broker_state() {
            BrokerState::Down(reason) => Err(Error::unavailable(format!("nobody can look: {reason}"))),
            _ => Ok(state.declared.queue(queue).map(|queue| queue.depth() as u64)),
        })
    }

    async fn examine(&self, queues: &[QueueSpec]) -> Vec<Finding> {
        self.server.look(|state| examine::examine(state, queues))
    }

    fn state(&self) -> BrokerState {
        self.server.lock().broker_state().clone()
    }

    /// Ends the subscriptions of this connection, and puts back what they did not settle.
    ///
    /// There is no connection to lose in a process: a later publish or subscribe simply works.
    async fn close(&self) {
        self.server.update(|state| state.hang_up(self.connection));
    }
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("connection", &self.connection).finish_non_exhaustive()
    }
}
