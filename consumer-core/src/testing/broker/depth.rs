//! Counting what waits in a queue.

use super::stage::{Stage, expect_all, new_spec, publish, subscribe};
use crate::broker::{Broker, QueueSpec, Topology};

pub(super) async fn counts_what_nobody_holds<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let depth = async || broker.depth(&spec.name).await.expect("the queue is there");
    assert_eq!(depth().await, Some(0));
    publish(&broker, &spec, &["1", "2", "3"]).await;
    assert_eq!(depth().await, Some(3));
    let mut deliveries = subscribe(&broker, &spec, 2).await;
    let held = expect_all(&mut deliveries, &["1", "2"]).await;
    assert_eq!(depth().await, Some(1));
    drop((held, deliveries));
}

pub(super) async fn of_no_queue_is_none<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let spec = new_spec();
    assert_eq!(broker.depth(&spec.name).await.expect("the broker is there"), None);
    let check = QueueSpec { topology: Topology::Check, ..spec };
    assert!(broker.prepare(&[check]).await.is_err(), "a look declares nothing");
}
