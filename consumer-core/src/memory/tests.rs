//! What the in-process broker promises beyond the contract.

use super::MemoryBroker;
use crate::{
    broker::{Broker, Delivery, Publication, QueueSpec, Settlement, Subscription},
    error::Result,
    message::Message,
};

/// A server with one queue, declared by `spec`.
async fn broker_with(spec: &QueueSpec) -> Result<MemoryBroker> {
    let broker = MemoryBroker::new();
    broker.prepare(std::slice::from_ref(spec)).await?;
    Ok(broker)
}

fn numbered(queue: &str, number: u32) -> Publication {
    let mut message = Message { body: number.to_string().into(), ..Message::default() };
    message.properties.message_id = Some(number.to_string());
    Publication { exchange: String::new(), routing_key: queue.to_owned(), message }
}

fn number(delivery: &Delivery) -> Option<u32> {
    std::str::from_utf8(&delivery.message.body).ok()?.parse().ok()
}

fn settle(delivery: Delivery, settlement: Settlement) -> bool {
    let (answer, answered) = std::sync::mpsc::channel();
    delivery.settle(settlement, Box::new(move |sent| answer.send(sent).unwrap_or_default()));
    answered.try_recv().expect("the broker settles at once")
}

#[tokio::test]
async fn messages_come_in_order_and_only_as_many_as_prefetch_allows() -> Result<()> {
    let spec = QueueSpec::new("q");
    let broker = broker_with(&spec).await?;
    let mut deliveries = broker.subscribe(&spec, 2).await?;
    for n in 1..=4 {
        broker.publish(numbered("q", n)).await?;
    }
    assert_eq!((broker.depth("q"), broker.unacked("q")), (2, 2));
    for n in 1..=4 {
        let delivery = deliveries.next().await.expect("not cancelled");
        assert_eq!(number(&delivery), Some(n));
        assert!(!delivery.redelivered);
        assert!(settle(delivery, Settlement::Ack));
    }
    assert_eq!((broker.depth("q"), broker.unacked("q")), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_cut_brings_unacked_messages_back_on_a_new_channel() -> Result<()> {
    let spec = QueueSpec::new("q");
    let broker = broker_with(&spec).await?;
    let mut deliveries = broker.subscribe(&spec, 10).await?;
    broker.publish(numbered("q", 1)).await?;
    let before = deliveries.next().await.expect("not cancelled");
    assert_eq!(broker.cut("q"), 1);
    assert!(!before.is_live());
    let after = deliveries.next().await.expect("not cancelled");
    assert!(after.redelivered && after.is_live());
    assert_eq!(after.message.headers.get("x-delivery-count").and_then(|count| count.as_i64()), Some(1));
    assert!(!settle(before, Settlement::Ack));
    assert!(settle(after, Settlement::Ack));
    broker.drained("q").await;
    Ok(())
}

#[tokio::test]
async fn passes_the_broker_suite() {
    let server = MemoryBroker::new();
    crate::testing::broker_suite(|| std::future::ready(server.connect())).await;
}
