//! Acks, requeues, deliveries that nobody settled.

use super::stage::{
    Stage, ack, delivery_count, expect, expect_all, new_spec, next, publish, settle, settle_tag, settle_tags,
    subscribe,
};
use crate::broker::{Broker, QueueKind, QueueSpec, Settlement};

pub(super) async fn the_first_delivery_is_not_redelivered<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1"]).await;
    let delivery = expect(&mut subscribe(&broker, &spec, 1).await, "1").await;
    assert!(!delivery.redelivered && delivery.is_live());
    assert_eq!(delivery_count(&delivery), None);
}

pub(super) async fn acked_never_comes_again<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2"]).await;
    ack(expect(&mut subscribe(&broker, &spec, 1).await, "1").await).await;
    broker.close().await;
    let broker = stage.connect().await;
    expect(&mut subscribe(&broker, &spec, 1).await, "2").await;
}

pub(super) async fn acks_in_any_order_are_final<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3", "4", "5"]).await;
    let mut deliveries = subscribe(&broker, &spec, 5).await;
    let mut held = expect_all(&mut deliveries, &["1", "2", "3", "4", "5"]).await;
    for index in [4, 0, 1, 0] {
        ack(held.remove(index)).await;
    }
    broker.close().await;
    let broker = stage.connect().await;
    let mut deliveries = subscribe(&broker, &spec, 5).await;
    assert!(expect(&mut deliveries, "4").await.redelivered);
    publish(&broker, &spec, &["6"]).await;
    expect(&mut deliveries, "6").await;
}

pub(super) async fn requeued_comes_first_again<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3"]).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    assert!(settle(expect(&mut deliveries, "1").await, Settlement::Requeue).await);
    for body in ["1", "2", "3"] {
        ack(expect(&mut deliveries, body).await).await;
    }
}

/// The count is not asked for: from RabbitMQ 4.3 on a requeue does not raise it.
pub(super) async fn requeued_is_redelivered<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1"]).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    assert!(settle(next(&mut deliveries).await, Settlement::Requeue).await);
    assert!(expect(&mut deliveries, "1").await.redelivered);
}

pub(super) async fn a_second_settlement_is_refused<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2"]).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    let delivery = expect(&mut deliveries, "1").await;
    let (tag, channel) = (delivery.tag, delivery.channel.clone());
    ack(delivery).await;
    assert!(!settle_tag(channel.as_ref(), tag, Settlement::Requeue).await);
    assert!(channel.is_open(), "the mistake must not reach the broker");
    ack(expect(&mut deliveries, "2").await).await;
}

pub(super) async fn several_are_settled_at_once_and_answered_once<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2", "3", "4", "5"]).await;
    let mut deliveries = subscribe(&broker, &spec, 5).await;
    let mut held = expect_all(&mut deliveries, &["1", "2", "3", "4", "5"]).await;
    let channel = held[0].channel.clone();
    let mut tags: Vec<_> = [4, 0, 1].map(|index| held[index].tag).to_vec();
    assert_eq!(settle_tags(channel.as_ref(), tags.clone(), Settlement::Ack).await, 0, "all were written");
    tags.push(held[2].tag);
    assert_eq!(settle_tags(channel.as_ref(), tags, Settlement::Ack).await, 3, "three were settled before");
    assert!(settle(held.remove(3), Settlement::Requeue).await);
    drop(held);
    assert!(expect(&mut deliveries, "4").await.redelivered);
    broker.close().await;
    let broker = stage.connect().await;
    let mut deliveries = subscribe(&broker, &spec, 5).await;
    ack(expect(&mut deliveries, "4").await).await;
    publish(&broker, &spec, &["6"]).await;
    expect(&mut deliveries, "6").await;
}

pub(super) async fn several_that_reach_nobody_are_all_counted<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2"]).await;
    let mut deliveries = subscribe(&broker, &spec, 2).await;
    let held = expect_all(&mut deliveries, &["1", "2"]).await;
    broker.close().await;
    let tags = held.iter().map(|delivery| delivery.tag).collect();
    assert_eq!(settle_tags(held[0].channel.as_ref(), tags, Settlement::Ack).await, 2);
    let broker = stage.connect().await;
    expect_all(&mut subscribe(&broker, &spec, 2).await, &["1", "2"]).await;
}

pub(super) async fn unsettled_comes_again_after_close<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1", "2"]).await;
    let mut deliveries = subscribe(&broker, &spec, 2).await;
    let held = expect_all(&mut deliveries, &["1", "2"]).await;
    broker.close().await;
    let other_process = stage.connect().await;
    let mut deliveries = subscribe(&other_process, &spec, 2).await;
    for delivery in expect_all(&mut deliveries, &["1", "2"]).await {
        assert!(delivery.redelivered);
        assert_eq!(delivery_count(&delivery), Some(1));
        ack(delivery).await;
    }
    drop(held);
}

pub(super) async fn nothing_reaches_a_closed_channel<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1"]).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    let held = expect(&mut deliveries, "1").await;
    broker.close().await;
    assert!(!held.is_live());
    assert!(!settle(held, Settlement::Ack).await);
    let broker = stage.connect().await;
    expect(&mut subscribe(&broker, &spec, 1).await, "1").await;
}

pub(super) async fn a_classic_queue_counts_no_deliveries<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(QueueSpec { kind: QueueKind::Classic, ..new_spec() }).await;
    publish(&broker, &spec, &["1"]).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    assert!(settle(next(&mut deliveries).await, Settlement::Requeue).await);
    let again = expect(&mut deliveries, "1").await;
    assert!(again.redelivered);
    assert_eq!(delivery_count(&again), None);
}
