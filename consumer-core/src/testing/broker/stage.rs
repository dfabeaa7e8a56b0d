//! What every case needs: connections, queues of its own, deliveries that come in time.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::LocalBoxFuture};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    broker::{Broker, Delivery, Publication, QueueSpec, Settle, Settlement, Subscription, Topology},
    clock,
    message::Message,
};

/// How long anything may take that has to happen; far above what a server on a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Stage<'a, B> {
    connect: Box<dyn Fn() -> LocalBoxFuture<'static, B> + 'a>,
}

impl<'a, B: Broker> Stage<'a, B> {
    pub(super) fn new<F: Future<Output = B> + 'static>(connect: &'a impl Fn() -> F) -> Self {
        Self { connect: Box::new(|| connect().boxed_local()) }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> B {
        in_time("a connection", (self.connect)()).await
    }

    /// A connection, with a queue declared that nobody else uses.
    pub(super) async fn with_queue(&self) -> (B, QueueSpec) {
        self.with(new_spec()).await
    }

    /// A connection, with this queue declared.
    pub(super) async fn with(&self, spec: QueueSpec) -> (B, QueueSpec) {
        let broker = self.connect().await;
        broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue can be declared");
        (broker, spec)
    }
}

/// Runs a case, and says how it failed.
pub(super) async fn run(name: &str, case: impl Future<Output = ()>) -> Option<String> {
    tracing::info!(name, "broker suite");
    let panic = AssertUnwindSafe(case).catch_unwind().await.err()?;
    Some(format!("{name}: {}", text(panic.as_ref())))
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panicked")
}

/// What has to happen.
pub(super) async fn in_time<T>(what: &str, happens: impl Future<Output = T>) -> T {
    clock::timeout(PATIENCE, happens)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// A queue that does not exist yet.
pub(super) fn new_spec() -> QueueSpec {
    QueueSpec::new(format!("broker-suite-{}", Uuid::new_v4()))
}

/// The dead letters of a queue, to be consumed as they are.
pub(super) fn dead_letters_of(spec: &QueueSpec) -> QueueSpec {
    QueueSpec { topology: Topology::Leave, ..QueueSpec::new(&spec.dead_letter) }
}

/// A message that says `body`, under that id.
pub(super) fn message(body: &str) -> Message {
    let mut message = Message { body: Bytes::from(body.to_owned()), ..Message::default() };
    message.properties.message_id = Some(body.to_owned());
    message
}

/// A message for one queue.
pub(super) fn to_queue(queue: &str, message: Message) -> Publication {
    Publication { exchange: String::new(), routing_key: queue.to_owned(), message }
}

/// Publishes messages that say this.
pub(super) async fn publish<B: Broker>(broker: &B, spec: &QueueSpec, bodies: &[&str]) {
    for body in bodies {
        let confirmed = broker.publish(to_queue(&spec.name, message(body)));
        in_time("a confirm", confirmed).await.expect("a queue takes the message");
    }
}

pub(super) async fn subscribe<B: Broker>(broker: &B, spec: &QueueSpec, prefetch: u16) -> B::Subscription {
    in_time("a subscription", broker.subscribe(spec, prefetch)).await.expect("the queue can be consumed")
}

/// The next delivery of a subscription that is not cancelled.
pub(super) async fn next(subscription: &mut impl Subscription) -> Delivery {
    in_time("a delivery", subscription.next()).await.expect("a subscription ends only when it is cancelled")
}

/// The next delivery, which has to say `body`.
pub(super) async fn expect(subscription: &mut impl Subscription, body: &str) -> Delivery {
    let delivery = next(subscription).await;
    assert_eq!(body_of(&delivery), body);
    delivery
}

/// The next deliveries, which have to say this.
pub(super) async fn expect_all(subscription: &mut impl Subscription, bodies: &[&str]) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for body in bodies {
        deliveries.push(expect(subscription, body).await);
    }
    deliveries
}

pub(super) fn body_of(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body).into_owned()
}

/// Settles a delivery, and returns what the broker answered.
pub(super) async fn settle(delivery: Delivery, settlement: Settlement) -> bool {
    settle_tag(delivery.channel.as_ref(), delivery.tag, settlement).await
}

pub(super) async fn settle_tag(channel: &dyn Settle, tag: u64, settlement: Settlement) -> bool {
    let (answer, answered) = oneshot::channel();
    channel.settle(tag, settlement, Box::new(move |sent| answer.send(sent).unwrap_or_default()));
    in_time("an answer to a settlement", answered).await.expect("every settlement is answered")
}

/// Settles several at once, and returns how many of them the broker was not told of.
pub(super) async fn settle_tags(channel: &dyn Settle, tags: Vec<u64>, settlement: Settlement) -> usize {
    let (answer, answered) = oneshot::channel();
    channel.settle_all(tags, settlement, Box::new(move |missed| answer.send(missed).unwrap_or_default()));
    in_time("an answer to several settlements", answered).await.expect("every settlement is answered")
}

pub(super) async fn ack(delivery: Delivery) {
    assert!(settle(delivery, Settlement::Ack).await, "the channel was open, but the ack was not sent");
}

/// What `x-delivery-count` says.
pub(super) fn delivery_count(delivery: &Delivery) -> Option<i64> {
    delivery.message.headers.get("x-delivery-count").and_then(|count| count.as_i64())
}
