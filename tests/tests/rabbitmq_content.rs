//! Messages that no client library would publish.

use consumer::{Broker, RabbitMq, broker::QueueSpec, message::HeaderValue};
use consumer_tests::{
    cable::Cable,
    rabbitmq::{Node, ack, body, consumed, fresh, in_time, next, publish, until},
    raw_amqp::{RawPublisher, long, nested, short, with_headers, with_id},
};

/// lapin's own parser recurses into it and takes the process down, in every process that the message comes to.
#[tokio::test]
async fn header_1000_deep_is_a_message_as_any_other() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("deep")).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    let mut raw = RawPublisher::connect(&node.url);
    for depth in [10, 1_000, 18_000] {
        raw.publish("", spec.name.as_bytes(), &with_headers(&nested(depth)), b"deep");
    }
    raw.publish("", spec.name.as_bytes(), &with_id(b"neighbour"), b"neighbour");
    let shallow = next(&mut deliveries).await;
    assert!(matches!(shallow.message.headers.get("t"), Some(HeaderValue::Table(_))));
    assert!(ack(shallow).await);
    for _ in 0..2 {
        let deep = next(&mut deliveries).await;
        assert!(!deep.redelivered && deep.damage.is_none(), "{deep:?} {:?}", deep.damage);
        assert!(deep.message.properties.message_id.is_some());
        assert_eq!((levels(deep.message.headers.get("t")), body(&deep)), (32, "deep".to_owned()));
        assert!(ack(deep).await);
    }
    let neighbour = next(&mut deliveries).await;
    assert!(!neighbour.redelivered && ack(neighbour).await);
    broker.close().await;
}

/// How many tables lie in each other before something else comes.
fn levels(mut value: Option<&HeaderValue>) -> usize {
    let mut levels = 0;
    while let Some(HeaderValue::Table(table)) = value {
        levels += 1;
        value = table.get("t");
    }
    assert!(matches!(value, Some(HeaderValue::Bytes(_))), "what lies deeper is kept as bytes: {value:?}");
    levels
}

/// lapin's own parser fails and takes the connection down, with every neighbour on it, again and again.
#[tokio::test]
async fn ids_non_utf8_quarantined() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("non-utf8")).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    let mut raw = RawPublisher::connect(&node.url);
    raw.publish("", spec.name.as_bytes(), &with_id(b"before"), b"before");
    raw.publish("", spec.name.as_bytes(), &with_id(b"\xff\x00id"), b"poison");
    let table = [short(b"\xffkey").as_slice(), b"t", &[1]].concat();
    raw.publish("", spec.name.as_bytes(), &with_headers(&table), b"poison");
    raw.publish("", spec.name.as_bytes(), &with_id(b"after"), b"after");
    let before = next(&mut deliveries).await;
    assert!((body(&before) == "before") && before.damage.is_none() && ack(before).await);
    let by_id = next(&mut deliveries).await;
    assert_eq!(by_id.damage.as_deref(), Some("message-id is not UTF-8"));
    assert_eq!(by_id.message.properties.message_id, None);
    let original = by_id.message.headers.get("x-consumer-original-message-id");
    assert_eq!(original, Some(&HeaderValue::Bytes(b"\xff\x00id".to_vec().into())));
    assert_eq!((body(&by_id), by_id.message.headers.get("x-consumer-damage")), ("poison".to_owned(), None));
    assert!(ack(by_id).await);
    let by_key = next(&mut deliveries).await;
    assert_eq!(by_key.damage.as_deref(), Some("the name of a header is not UTF-8"));
    assert!(ack(by_key).await);
    let after = next(&mut deliveries).await;
    assert!(body(&after) == "after" && !after.redelivered && after.damage.is_none() && ack(after).await);
    broker.close().await;
}

#[tokio::test]
async fn a_routing_key_of_any_bytes_is_no_damage() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("routing-key")).await;
    let binding = consumer::broker::Binding { exchange: "amq.topic".into(), routing_key: "#.odd".into() };
    let spec = QueueSpec { bindings: vec![binding], ..QueueSpec::new(fresh("test")) };
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let mut deliveries = broker.subscribe(&spec, 1).await.expect("a consumer");
    RawPublisher::connect(&node.url).publish("amq.topic", b"\xff.odd", &with_id(b"1"), b"body");
    let odd = next(&mut deliveries).await;
    assert_eq!(odd.message.routing_key, "\u{fffd}.odd");
    assert!(odd.damage.is_none() && ack(odd).await);
    broker.close().await;
}

/// A long string is bytes, whatever it is called.
#[tokio::test]
async fn a_header_of_any_bytes_is_kept() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("bytes")).await;
    let (spec, mut deliveries) = consumed(&broker, 1).await;
    let table = [short(b"odd").as_slice(), b"S", &long(b"\xff\xfe")].concat();
    RawPublisher::connect(&node.url).publish("", spec.name.as_bytes(), &with_headers(&table), b"");
    let odd = next(&mut deliveries).await;
    assert_eq!(odd.message.headers.get("odd"), Some(&HeaderValue::Bytes(b"\xff\xfe".to_vec().into())));
    assert!(odd.damage.is_none() && ack(odd).await);
    broker.close().await;
}

/// A message that ends every connection it comes through, in a way that nobody has thought of: the cable does it.
///
/// Without taking messages one at a time its neighbours, out with it each time, would reach the limit with it.
#[tokio::test]
async fn a_message_that_kills_connections_is_dead_lettered_alone() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = Cable::before(&node.url).await;
    cable.poison(b"kills-every-connection");
    let broker = RabbitMq::connect(&url).await.expect("through the cable");
    let direct = node.connect(&fresh("direct")).await;
    let spec = QueueSpec { delivery_limit: 8, ..QueueSpec::new(fresh("poison")) };
    direct.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let neighbours: Vec<_> = (0..30).map(|n| format!("neighbour-{n}")).collect();
    let neighbours: Vec<_> = neighbours.iter().map(String::as_str).collect();
    publish(&direct, &spec.name, &["kills-every-connection"]).await;
    publish(&direct, &spec.name, &neighbours).await;
    let mut deliveries = broker.subscribe(&spec, 10).await.expect("a consumer");
    consumer_tests::rabbitmq::ack_all(&mut deliveries, &neighbours).await;
    assert!(cable.poisoned() >= 8, "the poison came {} times", cable.poisoned());
    until("an empty queue", || node.queue(&spec.name, "messages").as_deref() == Some("0")).await;
    assert_eq!(node.queue(&spec.dead_letter, "messages").as_deref(), Some("1"), "only the guilty one");
    publish(&direct, &spec.name, &["a", "b"]).await;
    let first = next(&mut deliveries).await;
    let second = in_time("full prefetch again", next(&mut deliveries)).await;
    assert!(ack(first).await && ack(second).await);
    broker.close().await;
    direct.close().await;
}
