//! Publishing with a confirm.

use std::sync::Arc;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::stage::{
    Stage, ack, body_of, expect, expect_all, message, new_spec, next, publish, subscribe, to_queue,
};
use crate::{
    broker::{Binding, Broker, Publication, QueueSpec},
    message::{HeaderValue, Headers, Message, Properties},
};

/// Exists on every RabbitMQ.
const TOPIC: &str = "amq.topic";

pub(super) async fn arrives_unchanged<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let sent = everything();
    broker.publish(to_queue(&spec.name, sent.clone())).await.expect("a queue takes the message");
    let received = Arc::unwrap_or_clone(next(&mut subscribe(&broker, &spec, 1).await).await.message);
    assert_eq!(received.body, sent.body);
    assert_eq!(received.headers, sent.headers);
    assert_eq!(Properties { delivery_mode: None, ..received.properties }, sent.properties);
    assert_eq!((received.exchange.as_str(), received.routing_key), ("", spec.name));
}

/// A message that uses every property a publisher may set freely, and every type of header.
fn everything() -> Message {
    let text = |text: &str| Some(text.to_owned());
    let properties = Properties {
        content_type: text("application/json"),
        content_encoding: text("identity"),
        delivery_mode: None,
        priority: Some(3),
        correlation_id: text("correlation"),
        reply_to: text("answers"),
        expiration: None,
        message_id: text("ä id, with “quotes” and spaces "),
        timestamp: Some(1_700_000_000),
        message_type: text("suite.everything"),
        user_id: None,
        app_id: text("broker-suite"),
        cluster_id: None,
    };
    Message {
        properties,
        headers: all_headers(),
        body: vec![0, 255, 128, b'\n'].into(),
        ..Message::default()
    }
}

fn all_headers() -> Headers {
    let values = [
        ("void", HeaderValue::Void),
        ("bool", HeaderValue::Bool(true)),
        ("i8", HeaderValue::I8(i8::MIN)),
        ("u8", HeaderValue::U8(u8::MAX)),
        ("i16", HeaderValue::I16(i16::MIN)),
        ("u16", HeaderValue::U16(u16::MAX)),
        ("i32", HeaderValue::I32(i32::MIN)),
        ("u32", HeaderValue::U32(u32::MAX)),
        ("i64", HeaderValue::I64(i64::MIN)),
        ("f32", HeaderValue::F32(0.5)),
        ("f64", HeaderValue::F64(-0.25)),
        ("text", HeaderValue::Text("ü".into())),
        ("timestamp", HeaderValue::Timestamp(1_700_000_000)),
        ("array", HeaderValue::Array(vec![1_i64.into(), "two".into()])),
        ("table", HeaderValue::Table(BTreeMap::from([("inner".to_owned(), 1_i64.into())]))),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) async fn is_persistent<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let mut transient = message("1");
    transient.properties.delivery_mode = Some(1);
    broker.publish(to_queue(&spec.name, transient)).await.expect("a queue takes the message");
    let received = expect(&mut subscribe(&broker, &spec, 1).await, "1").await;
    assert_eq!(received.message.properties.delivery_mode, Some(2));
}

pub(super) async fn keeps_its_order<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let bodies: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    publish(&broker, &spec, &bodies).await;
    for delivery in expect_all(&mut subscribe(&broker, &spec, 100).await, &bodies).await {
        ack(delivery).await;
    }
}

pub(super) async fn to_no_queue_is_unroutable<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let error = broker.publish(to_queue(&new_spec().name, message("1"))).await;
    let error = error.expect_err("there is no such queue");
    assert!(error.is_unroutable(), "{error:?}");
}

/// A queue bound to [`TOPIC`] by a pattern of its own.
fn bound(pattern: &str) -> QueueSpec {
    let spec = new_spec();
    let binding = Binding { exchange: TOPIC.into(), routing_key: pattern.replace("QUEUE", &spec.name) };
    QueueSpec { bindings: vec![binding], ..spec }
}

fn to_topic(routing_key: String, body: &str) -> Publication {
    Publication { exchange: TOPIC.into(), routing_key, message: message(body) }
}

pub(super) async fn with_an_unbound_key_is_unroutable<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(bound("QUEUE.*.paid")).await;
    let error = broker.publish(to_topic(format!("{}.order.item.paid", spec.name), "1")).await;
    let error = error.expect_err("`*` stands for one word");
    assert!(error.is_unroutable(), "{error:?}");
}

pub(super) async fn is_routed_by_topic<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(bound("QUEUE.#.paid")).await;
    for (key, body) in [("paid", "1"), ("order.paid", "2"), ("order.item.paid", "3")] {
        let publication = to_topic(format!("{}.{key}", spec.name), body);
        broker.publish(publication).await.expect("`#` stands for any number of words");
    }
    let received = expect_all(&mut subscribe(&broker, &spec, 10).await, &["1", "2", "3"]).await;
    assert_eq!(received[1].message.exchange, TOPIC);
    assert_eq!(received[1].message.routing_key, format!("{}.order.paid", spec.name));
}

pub(super) async fn with_too_long_a_key_is_unpublishable<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let error = broker.publish(to_queue(&"x".repeat(256), message("1"))).await;
    let error = error.expect_err("AMQP has no routing key of 256 bytes");
    assert!(error.is_unpublishable(), "{error:?}");
    publish(&broker, &spec, &["2"]).await;
}

/// Callers at once, with ids of their own, with one id for several, and with none.
const CALLERS: usize = 120;

pub(super) async fn many_at_once_are_told_each_its_own<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with_queue().await;
    let nowhere = new_spec();
    let publishing = (0..CALLERS).map(|n| {
        let stored = n % 3 != 0;
        let mut sent = message(&n.to_string());
        sent.properties.message_id =
            [Some(n.to_string()), Some("shared".to_owned()), None][n / 3 % 3].clone();
        let publication = to_queue(if stored { &spec.name } else { &nowhere.name }, sent);
        let publish = broker.publish(publication);
        async move { (n, stored, publish.await) }
    });
    for (n, stored, published) in join_all(publishing).await {
        match published {
            Ok(()) => assert!(stored, "{n} is stored nowhere"),
            Err(error) => assert!(!stored && error.is_unroutable(), "{n}: {error:?}"),
        }
    }
    let mut missing: BTreeSet<_> = (0..CALLERS).filter(|n| n % 3 != 0).map(|n| n.to_string()).collect();
    let mut deliveries = subscribe(&broker, &spec, 10).await;
    while !missing.is_empty() {
        let delivery = next(&mut deliveries).await;
        assert!(missing.remove(&body_of(&delivery)), "stored once each");
        ack(delivery).await;
    }
}
