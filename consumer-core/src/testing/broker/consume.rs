//! Consuming with a prefetch.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use super::stage::{Stage, ack, body_of, expect, expect_all, new_spec, next, publish, subscribe};
use crate::broker::{Broker, QueueSpec, Subscription, Topology};

/// The third message is there for the second consumer to take, so the first one has not got it.
pub(super) async fn no_more_than_prefetch_are_unsettled<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3"]).await;
    let mut first = subscribe(&broker, &spec, 2).await;
    let held = expect_all(&mut first, &["1", "2"]).await;
    let mut second = subscribe(&broker, &spec, 2).await;
    ack(expect(&mut second, "3").await).await;
    for delivery in held {
        ack(delivery).await;
    }
    drop(second);
    publish(&broker, &spec, &["4"]).await;
    expect(&mut first, "4").await;
}

pub(super) async fn competing_consumers_share<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let other_process = stage.connect().await;
    let mut first = subscribe(&broker, &spec, 1).await;
    let mut second = subscribe(&other_process, &spec, 1).await;
    publish(&broker, &spec, &["1", "2"]).await;
    let taken = [next(&mut first).await, next(&mut second).await];
    assert_eq!(taken.iter().map(body_of).collect::<BTreeSet<_>>(), ["1", "2"].map(String::from).into());
}

pub(super) async fn a_dropped_next_loses_nothing<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let mut deliveries = subscribe(&broker, &spec, 5).await;
    let bodies: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    for body in &bodies {
        // Polled once and dropped, before and after there is something to deliver.
        let early = deliveries.next().now_or_never().flatten();
        assert!(early.is_none(), "nothing is published yet");
        publish(&broker, &spec, &[body]).await;
        let delivery = match deliveries.next().now_or_never() {
            Some(delivery) => delivery.expect("a subscription ends only when it is cancelled"),
            None => next(&mut deliveries).await,
        };
        assert_eq!(&body_of(&delivery), body);
        ack(delivery).await;
    }
}

pub(super) async fn a_dropped_subscription_gives_back_what_was_prefetched<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3"]).await;
    let mut dropped = subscribe(&broker, &spec, 3).await;
    let held = expect(&mut dropped, "1").await;
    drop(dropped);
    let mut deliveries = subscribe(&broker, &spec, 3).await;
    let rest = [next(&mut deliveries).await, next(&mut deliveries).await];
    assert_eq!(rest.iter().map(body_of).collect::<BTreeSet<_>>(), ["2", "3"].map(String::from).into());
    ack(held).await;
}

pub(super) async fn a_missing_queue_is_reported<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let missing = QueueSpec { topology: Topology::Leave, ..new_spec() };
    let error = broker.subscribe(&missing, 1).await.err().expect("there is no such queue");
    assert!(error.is_topology() && error.to_string().contains(&missing.name), "{error:?}");
}
