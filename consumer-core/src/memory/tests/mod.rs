//! What the in-process broker promises beyond the contract of every broker.

mod availability;
mod bell;
mod chaos;
mod concurrency;
mod expiry;
mod model;
mod order;

use futures_util::FutureExt;

use super::{MemoryBroker, MemorySubscription};
use crate::{
    broker::{Broker, Delivery, Publication, QueueKind, QueueSpec, Settlement, Subscription},
    message::Message,
};

#[tokio::test(start_paused = true)]
async fn passes_the_broker_suite() {
    let server = MemoryBroker::new();
    crate::testing::broker_suite(|| std::future::ready(server.connect())).await;
}

#[tokio::test(start_paused = true)]
async fn passes_the_broker_suite_while_chaos_reigns_elsewhere() {
    let chaos = super::Chaos::new(1).duplicate(1.0).cut(1.0).unconfirmed(1.0).only(["elsewhere"]);
    let server = MemoryBroker::with_chaos(chaos);
    crate::testing::broker_suite(|| std::future::ready(server.connect())).await;
    assert_eq!(server.faults(), super::Faults::default());
}

/// What has to be there without waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is there already")
}

/// A server with a queue `q`.
fn server(kind: QueueKind) -> (MemoryBroker, QueueSpec) {
    let spec = QueueSpec { kind, ..QueueSpec::new("q") };
    let broker = MemoryBroker::new();
    now(broker.prepare(std::slice::from_ref(&spec))).expect("a new queue can be declared");
    (broker, spec)
}

fn consume(broker: &MemoryBroker, spec: &QueueSpec, prefetch: u16) -> MemorySubscription {
    now(broker.subscribe(spec, prefetch)).expect("the queue is there")
}

fn numbered(number: u32) -> Publication {
    let mut message = Message { body: number.to_string().into(), ..Message::default() };
    message.properties.message_id = Some(number.to_string());
    Publication { exchange: String::new(), routing_key: "q".into(), message }
}

fn publish(broker: &MemoryBroker, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        now(broker.publish(numbered(number))).expect("the queue is there");
    }
}

fn number(message: &Message) -> u32 {
    std::str::from_utf8(&message.body).ok().and_then(|body| body.parse().ok()).expect("the body is a number")
}

/// What can be taken at once, up to `most`.
fn take(subscription: &mut MemorySubscription, most: usize) -> Vec<Delivery> {
    std::iter::from_fn(|| subscription.next().now_or_never().flatten()).take(most).collect()
}

fn numbers(deliveries: &[Delivery]) -> Vec<u32> {
    deliveries.iter().map(|delivery| number(&delivery.message)).collect()
}

/// Settles a delivery, and returns whether that reached the broker.
fn settle(delivery: Delivery, settlement: Settlement) -> bool {
    let (answer, answered) = std::sync::mpsc::channel();
    delivery.settle(settlement, Box::new(move |sent| answer.send(sent).unwrap_or_default()));
    answered.try_recv().expect("this broker answers at once")
}

/// What has to happen, by tokio's clock, which is paused in most of these tests.
async fn in_time<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(30), happens).await.expect("it happens in time")
}
