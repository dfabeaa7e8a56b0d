//! Queues that are declared, checked or left alone.

use consumer::{
    Broker,
    broker::{QueueKind, QueueSpec, Topology},
};
use consumer_tests::{
    rabbitmq::{Node, ack_all, consumed, fresh, publish, to_queue, until},
    servers,
};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

/// What another application has declared.
async fn foreign(
    url: &str,
    queue: &str,
    options: QueueDeclareOptions,
    arguments: &[(&str, AMQPValue)],
) -> Channel {
    let connection =
        Connection::connect(url, ConnectionProperties::default()).await.expect("RabbitMQ of the tests");
    let channel = connection.create_channel().await.expect("a channel");
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    channel.queue_declare(queue.into(), options, table).await.expect("a new queue");
    channel
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// RabbitMQ itself names only the first of them.
#[tokio::test]
async fn mismatch_names_the_argument() {
    let Some(node) = Node::get() else { return };
    let spec = QueueSpec::new(fresh("mismatch"));
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongInt(7)),
        ("x-delivery-limit", AMQPValue::LongInt(5)),
    ];
    let _kept = foreign(&node.url, &spec.name, QueueDeclareOptions::durable(), &arguments).await;
    let broker = node.connect(&fresh("mismatch")).await;
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("it has other arguments");
    assert!(error.is_topology(), "{error:?}");
    let text = error.to_string();
    for expected in [
        spec.name.as_str(),
        "x-delivery-limit is '5', declared is '100'",
        "x-max-length is '7', declared is nothing",
        "x-overflow is nothing, declared is 'reject-publish'",
        "x-dead-letter-strategy is nothing, declared is 'at-least-once'",
        &format!("x-dead-letter-routing-key is nothing, declared is '{}'", spec.dead_letter),
        "topology `check`",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in: {text}");
    }
    let error =
        broker.subscribe(&spec, 1).await.expect_err("nothing may be consumed that is not as declared");
    assert!(error.is_topology(), "{error:?}");
    broker.close().await;
}

#[tokio::test]
async fn a_classic_queue_in_place_of_a_quorum_queue_is_named() {
    let Some(node) = Node::get() else { return };
    let spec = QueueSpec::new(fresh("classic"));
    let _kept = foreign(&node.url, &spec.name, QueueDeclareOptions::default(), &[]).await;
    let broker = node.connect(&fresh("classic")).await;
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("it is another kind of queue");
    let text = error.to_string();
    assert!(error.is_topology() && text.contains("x-queue-type is nothing, declared is 'quorum'"), "{text}");
    assert!(text.contains("durable is 'false', declared is 'true'"), "{text}");
    broker.close().await;
}

/// A consumer in use is not harmed by a mistake made beside it.
#[tokio::test]
async fn a_mistaken_declaration_kills_no_consumer() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("mistaken")).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    let other = QueueSpec { delivery_limit: 3, ..spec.clone() };
    assert!(broker.prepare(&[other]).await.is_err());
    consumer_tests::rabbitmq::publish(&broker, &spec.name, &["1"]).await;
    let delivery = consumer_tests::rabbitmq::next(&mut deliveries).await;
    assert!(!delivery.redelivered && consumer_tests::rabbitmq::ack(delivery).await);
    broker.close().await;
}

/// Whatever somebody else has declared can be consumed as it is.
#[tokio::test]
async fn check_takes_a_foreign_queue_as_it_is_and_changes_nothing() {
    let Some(node) = Node::get() else { return };
    let spec =
        QueueSpec { topology: Topology::Check, kind: QueueKind::Classic, ..QueueSpec::new(fresh("check")) };
    let arguments =
        [("x-message-ttl", AMQPValue::LongInt(60_000)), ("x-max-priority", AMQPValue::LongInt(5))];
    let _kept = foreign(&node.url, &spec.name, QueueDeclareOptions::durable(), &arguments).await;
    let broker = node.connect(&fresh("check")).await;
    let error =
        broker.prepare(std::slice::from_ref(&spec)).await.expect_err("the dead-letter queue is missing");
    assert!(error.is_topology() && error.to_string().contains(&spec.dead_letter), "{error:?}");
    assert_eq!(node.queue(&spec.dead_letter, "messages"), None, "check declares nothing");
    let _kept = foreign(&node.url, &spec.dead_letter, QueueDeclareOptions::durable(), &[]).await;
    broker.prepare(std::slice::from_ref(&spec)).await.expect("both are there");
    broker.subscribe(&spec, 1).await.expect("it can be consumed");
    broker.close().await;
}

#[tokio::test]
async fn a_user_without_the_right_to_declare_is_told_so() {
    let Some(node) = Node::get() else { return };
    let user = fresh("reader");
    node.ctl(&["add_user", &user, "secret"]);
    node.ctl(&["set_permissions", &user, "^$", ".*", ".*"]);
    let (_, host) = node.url.rsplit_once('@').expect("a host");
    let broker = consumer::RabbitMq::connect(&format!("amqp://{user}:secret@{host}")).await.expect("allowed");
    let spec = QueueSpec::new(fresh("forbidden"));
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("not allowed");
    assert!(error.is_refused() && error.to_string().contains("set_permissions"), "{error:?}");
    broker.close().await;
    node.ctl(&["delete_user", &user]);
}

#[tokio::test]
async fn a_name_of_256_bytes_is_an_error_and_no_panic() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    let broker = consumer::RabbitMq::connect(&url).await.expect("RabbitMQ of the tests");
    let spec = QueueSpec::new("x".repeat(256));
    assert!(broker.prepare(std::slice::from_ref(&spec)).await.expect_err("too long").is_topology());
    assert!(broker.subscribe(&spec, 1).await.expect_err("too long").is_topology());
    broker.close().await;
}

/// A dead letter that is unroutable finds its queue again once somebody prepares that one.
#[tokio::test]
async fn a_deleted_dead_letter_queue_is_declared_again_while_everything_runs() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("deleted-dlq")).await;
    let (spec, mut deliveries) = consumed(&broker, 1).await;
    node.delete_queue(&spec.dead_letter);
    let error = broker.publish(to_queue(&spec.dead_letter, "1")).await.expect_err("it is gone");
    assert!(error.is_unroutable(), "{error:?}");
    broker.prepare(std::slice::from_ref(&spec)).await.expect("only the dead-letter queue is missing");
    publish(&broker, &spec.dead_letter, &["1"]).await;
    until("the dead letter", || node.queue(&spec.dead_letter, "messages").as_deref() == Some("1")).await;
    assert_eq!(node.queue(&spec.dead_letter, "type").as_deref(), Some("quorum"));
    publish(&broker, &spec.name, &["2"]).await;
    ack_all(&mut deliveries, &["2"]).await;
    broker.close().await;
}
