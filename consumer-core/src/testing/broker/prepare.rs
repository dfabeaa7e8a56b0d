//! Declaring queues, checking them, leaving them alone.

use super::stage::{Stage, dead_letters_of, expect, new_spec, publish, subscribe};
use crate::broker::{Binding, Broker, QueueSpec, Topology};

pub(super) async fn declaring_twice_changes_nothing<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    publish(&broker, &spec, &["1"]).await;
    let (broker, spec) = stage.with(spec).await;
    expect(&mut subscribe(&broker, &spec, 1).await, "1").await;
}

pub(super) async fn names_the_argument_that_differs<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(QueueSpec { delivery_limit: 5, ..new_spec() }).await;
    let other = QueueSpec { delivery_limit: 6, ..spec.clone() };
    let error = broker.prepare(&[other]).await.expect_err("the arguments differ");
    let text = error.to_string();
    assert!(error.is_topology(), "{error:?}");
    assert!(text.contains(&spec.name) && text.contains("x-delivery-limit"), "{text}");
}

pub(super) async fn names_the_exchange_that_is_missing<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let spec = new_spec();
    let exchange = format!("{}.exchange", spec.name);
    let binding = Binding { exchange: exchange.clone(), routing_key: "key".into() };
    let error = broker.prepare(&[QueueSpec { bindings: vec![binding], ..spec }]).await;
    let error = error.expect_err("the exchange is missing");
    assert!(error.is_topology() && error.to_string().contains(&exchange), "{error:?}");
}

pub(super) async fn check_names_what_is_missing<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let spec = QueueSpec { topology: Topology::Check, ..new_spec() };
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("the queue is missing");
    assert!(error.is_topology() && error.to_string().contains(&spec.name), "{error:?}");
}

pub(super) async fn check_passes_what_was_declared<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let check = QueueSpec { topology: Topology::Check, ..spec };
    broker.prepare(&[check]).await.expect("the queue and its dead-letter queue were declared");
}

pub(super) async fn leave_looks_at_nothing<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let missing = QueueSpec { topology: Topology::Leave, ..new_spec() };
    broker.prepare(&[missing, dead_letters_of(&spec)]).await.expect("nothing is looked at");
}
