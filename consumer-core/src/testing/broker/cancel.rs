//! Cancelling a subscription.

use super::stage::{Stage, ack, body_of, expect, in_time, publish, subscribe};
use crate::broker::{Broker, Delivery, Subscription};

/// Whatever still comes, to the end.
async fn drain(subscription: &mut impl Subscription) -> Vec<Delivery> {
    let mut drained = Vec::new();
    while let Some(delivery) = in_time("the end of a cancelled subscription", subscription.next()).await {
        drained.push(delivery);
    }
    drained
}

/// How many were prefetched when the cancel arrived is the broker's business; none is lost, none comes twice.
pub(super) async fn prefetched_still_come_and_can_be_settled<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3", "4"]).await;
    let mut cancelled = subscribe(&broker, &spec, 3).await;
    let first = expect(&mut cancelled, "1").await;
    in_time("a cancel", cancelled.cancel()).await;
    let drained = drain(&mut cancelled).await;
    let mut received: Vec<_> = drained.iter().map(body_of).collect();
    assert!(received.len() <= 2, "more than prefetch came: {received:?}");
    for delivery in drained.into_iter().chain([first]) {
        ack(delivery).await;
    }
    let mut deliveries = subscribe(&broker, &spec, 10).await;
    while received.len() < 3 {
        let delivery = super::stage::next(&mut deliveries).await;
        assert!(!delivery.redelivered);
        received.push(body_of(&delivery));
    }
    assert_eq!(received, ["2", "3", "4"]);
}

pub(super) async fn ends_once_and_for_all<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let mut cancelled = subscribe(&broker, &spec, 1).await;
    in_time("a cancel", cancelled.cancel()).await;
    publish(&broker, &spec, &["1"]).await;
    for _ in 0..3 {
        assert!(in_time("the end", cancelled.next()).await.is_none());
    }
}

pub(super) async fn leaves_the_queue_to_others<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let mut cancelled = subscribe(&broker, &spec, 1).await;
    let mut other = subscribe(&broker, &spec, 1).await;
    in_time("a cancel", cancelled.cancel()).await;
    for body in ["1", "2", "3"] {
        publish(&broker, &spec, &[body]).await;
        ack(expect(&mut other, body).await).await;
    }
}
