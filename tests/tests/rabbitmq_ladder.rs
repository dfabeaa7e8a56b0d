//! Wait queues as RabbitMQ keeps them.

use std::{collections::BTreeSet, time::Duration};

use consumer::{
    Broker, RabbitMq,
    broker::{Binding, BrokerState, Publication, QueueKind, QueueSpec, Settlement, Topology},
};
use consumer_core::{
    doctor::{Finding, Severity},
    message::MAX_HEADER_DEPTH,
};
use consumer_tests::{
    cable::Cable,
    rabbitmq::{Node, ack_all, body, fresh, in_time, next, publish, to_queue, until},
};
use futures_util::future::join_all;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

const SHORT: Duration = Duration::from_millis(200);
const MIDDLE: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(60);

/// A queue with a wait queue for each delay.
fn with_ladder(prefix: &str, ladder: &[Duration]) -> QueueSpec {
    QueueSpec { ladder: ladder.to_vec(), ..QueueSpec::new(fresh(prefix)) }
}

/// A queue that another application has declared.
async fn foreign(node: &Node, queue: &str, arguments: &[(&str, AMQPValue)]) -> Channel {
    let connection = Connection::connect(&node.url, ConnectionProperties::default());
    let channel = connection.await.expect("RabbitMQ of the tests").create_channel().await.expect("a channel");
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(queue.into(), options, table).await.expect("a new queue");
    channel
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// A copy for a wait queue, which comes back after so many milliseconds.
fn copy(queue: &str, body: &str, expiration: u64) -> Publication {
    let mut copy = to_queue(queue, body);
    copy.message.properties.expiration = Some(expiration.to_string());
    copy
}

fn with(severity: Severity, findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.severity == severity).map(Finding::to_string).collect()
}

#[tokio::test]
async fn a_wait_queue_has_what_keeps_its_messages() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("wait")).await;
    for kind in [QueueKind::Quorum, QueueKind::Classic] {
        let spec = QueueSpec { kind, ..with_ladder("wait", &[SHORT, LONG]) };
        broker.prepare(std::slice::from_ref(&spec)).await.expect("new queues");
        for (delay, ttl) in [(SHORT, 250), (LONG, 75_000)] {
            let queue = spec.wait_queue(delay);
            let arguments = node.queue(&queue, "arguments").expect("it was declared");
            for expected in [
                r#"{"x-queue-type","quorum"}"#.to_owned(),
                r#"{"x-dead-letter-strategy","at-least-once"}"#.to_owned(),
                r#"{"x-overflow","reject-publish"}"#.to_owned(),
                r#"{"x-dead-letter-exchange",[]}"#.to_owned(),
                r#"{"x-delivery-limit",1000000}"#.to_owned(),
                format!(r#"{{"x-dead-letter-routing-key","{}"}}"#, spec.name),
                format!(r#"{{"x-message-ttl",{ttl}}}"#),
            ] {
                assert!(arguments.contains(&expected), "{expected} is missing in: {arguments}");
            }
            assert_eq!(node.queue(&queue, "durable").as_deref(), Some("true"));
        }
        let mut deliveries = broker.subscribe(&spec, 1).await.expect("a consumer");
        publish(&broker, &spec.wait_queue(SHORT), &["1"]).await;
        ack_all(&mut deliveries, &["1"]).await;
    }
    broker.close().await;
}

/// Each on a rung of its own, so that nothing waits for anything.
#[tokio::test]
async fn every_argument_of_a_wait_queue_that_differs_is_named() {
    let Some(node) = Node::get() else { return };
    let spec = with_ladder("mismatch", &[SHORT]);
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text("amq.direct")),
        ("x-dead-letter-routing-key", text("elsewhere")),
        ("x-message-ttl", AMQPValue::LongInt(7000)),
    ];
    let _kept = foreign(&node, &spec.wait_queue(SHORT), &arguments).await;
    let broker = node.connect(&fresh("mismatch")).await;
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("it has other arguments");
    assert!(error.is_topology(), "{error:?}");
    let refused = broker.examine(std::slice::from_ref(&spec)).await;
    let [finding] = &with(Severity::Refuses, &refused)[..] else { panic!("one queue differs: {refused:?}") };
    for expected in [
        &spec.wait_queue(SHORT),
        "x-message-ttl is '7000', declared is '250'",
        "x-dead-letter-exchange is 'amq.direct', declared is ''",
        &format!("x-dead-letter-routing-key is 'elsewhere', declared is '{}'", spec.name),
        "x-dead-letter-strategy is nothing, declared is 'at-least-once'",
        "x-overflow is nothing, declared is 'reject-publish'",
        "x-delivery-limit is nothing, declared is '1000000'",
    ] {
        assert!(error.to_string().contains(expected), "{expected:?} is missing in: {error}");
        assert!(finding.contains(expected), "{expected:?} is missing in: {finding}");
    }
    broker.close().await;
}

/// The broker says 255 bytes at most, and its names can take most of them.
#[tokio::test]
async fn a_name_that_the_broker_cuts_ends_the_list_of_differences() {
    let Some(node) = Node::get() else { return };
    let spec = with_ladder("cut", &[SHORT]);
    let (long, longer) = ("l".repeat(60), "l".repeat(120));
    for (target, is_said) in [(&long, true), (&longer, false)] {
        let spec = QueueSpec { name: fresh("cut"), ..spec.clone() };
        let arguments = [
            ("x-queue-type", text("quorum")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(target)),
        ];
        let _kept = foreign(&node, &spec.wait_queue(SHORT), &arguments).await;
        let broker = node.connect(&fresh("cut")).await;
        let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("other arguments");
        let text = error.to_string();
        assert_eq!(text.contains(&format!("'{target}', declared is '{}'", spec.name)), is_said, "{text}");
        assert_eq!(text.matches("x-dead-letter-routing-key").count(), 1, "{text}");
        assert_eq!(text.contains("x-message-ttl"), is_said, "{text}");
        broker.close().await;
    }
}

#[tokio::test]
async fn check_warns_of_a_wait_queue_that_is_not_at_least_once() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("check")).await;
    let spec = with_ladder("check", &[SHORT, MIDDLE, LONG]);
    broker.prepare(&[QueueSpec { ladder: vec![LONG], ..spec.clone() }]).await.expect("new queues");
    let check = QueueSpec { topology: Topology::Check, ..spec.clone() };
    let error = broker.prepare(std::slice::from_ref(&check)).await.expect_err("a wait queue is missing");
    assert!(error.is_topology() && error.to_string().contains(&spec.wait_queue(SHORT)), "{error:?}");
    assert_eq!(node.queue(&spec.wait_queue(SHORT), "messages"), None, "check declares nothing");
    let _kept = [
        foreign(&node, &spec.wait_queue(SHORT), &loose(&spec, "classic")).await,
        foreign(&node, &spec.wait_queue(MIDDLE), &loose(&spec, "quorum")).await,
    ];
    broker.prepare(std::slice::from_ref(&check)).await.expect("all are there");
    let findings = broker.examine(&[check]).await;
    assert_eq!(with(Severity::Refuses, &findings), [""; 0]);
    let warnings = with(Severity::Warns, &findings);
    for (delay, argument) in [
        (SHORT, "x-queue-type"),
        (SHORT, "x-overflow"),
        (MIDDLE, "x-dead-letter-strategy"),
        (MIDDLE, "x-overflow"),
    ] {
        let queue = spec.wait_queue(delay);
        let warned = |text: &String| text.contains(&queue) && text.contains(argument);
        assert!(warnings.iter().any(warned), "{queue} {argument}: {warnings:?}");
    }
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    broker.close().await;
}

/// The arguments of a wait queue that moves on what expires at most once.
fn loose(spec: &QueueSpec, kind: &str) -> [(&'static str, AMQPValue); 4] {
    [
        ("x-queue-type", text(kind)),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&spec.name)),
        ("x-message-ttl", AMQPValue::LongInt(250)),
    ]
}

#[tokio::test]
async fn thousands_at_once_come_back_once_each() {
    const COPIES: u32 = 3000;
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("thousands")).await;
    let spec = with_ladder("thousands", &[LONG]);
    broker.prepare(std::slice::from_ref(&spec)).await.expect("new queues");
    let queue = spec.wait_queue(LONG);
    let publishing = (0..COPIES).map(|n| broker.publish(copy(&queue, &n.to_string(), 500)));
    for published in join_all(publishing).await {
        published.expect("a confirm");
    }
    let mut deliveries = broker.subscribe(&spec, 100).await.expect("a consumer");
    let mut missing: BTreeSet<_> = (0..COPIES).map(|n| n.to_string()).collect();
    while !missing.is_empty() {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.message.properties.expiration, None);
        assert!(missing.remove(&body(&delivery)), "{} came twice", body(&delivery));
        delivery.settle(Settlement::Ack, Box::new(drop));
    }
    assert_eq!(broker.depth(&queue).await.expect("it is there"), Some(0));
    broker.close().await;
}

/// A connection of a user who has these rights and no others.
async fn limited(node: &Node, user: &str, rights: [&str; 3]) -> RabbitMq {
    let [configure, write, read] = rights;
    node.ctl(&["set_permissions", user, configure, write, read]);
    let (_, host) = node.url.rsplit_once('@').expect("a host");
    RabbitMq::connect(&format!("amqp://{user}:secret@{host}")).await.expect("allowed")
}

#[tokio::test]
async fn examine_names_every_right_that_is_missing() {
    let Some(node) = Node::get() else { return };
    let user = fresh("limited");
    node.ctl(&["add_user", &user, "secret"]);
    let binding = Binding { exchange: "amq.topic".to_owned(), routing_key: "key".to_owned() };
    let there = QueueSpec { bindings: vec![binding], ..with_ladder("there", &[LONG]) };
    let missing = with_ladder("missing", &[LONG]);
    let broker = node.connect(&fresh("limited")).await;
    broker.prepare(std::slice::from_ref(&there)).await.expect("new queues");
    publish(&broker, &there.name, &["1"]).await;
    let both = [there.clone(), missing.clone()];

    let none = limited(&node, &user, ["^$", "^$", "^$"]).await;
    let findings = none.examine(&both).await;
    let refused = with(Severity::Refuses, &findings);
    let queues = both.iter().flat_map(|spec| [&spec.name, &spec.dead_letter].map(String::clone));
    let queues = queues.chain(both.iter().map(|spec| spec.wait_queue(LONG)));
    let configure = queues.map(|queue| format!("the right to configure queue `{queue}`"));
    let others = [
        format!("the right to read queue `{}`", there.name),
        format!("the right to read queue `{}`", missing.name),
        format!("the right to read queue `{}`", missing.wait_queue(LONG)),
        format!("the right to write queue `{}`", there.name),
    ];
    for expected in configure.chain(others) {
        let found = refused.iter().filter(|finding| finding.contains(&expected)).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{expected}: {refused:#?}");
        assert!(found[0].contains(&format!("set_permissions -p '/' '{user}'")), "{found:?}");
    }
    assert_eq!(refused.len(), 10, "{refused:#?}");
    let warned = with(Severity::Warns, &findings);
    let [publishing] = &warned[..] else { panic!("one warning: {warned:?}") };
    assert!(publishing.contains("the right to write exchange `amq.default`"), "{publishing}");
    none.close().await;

    let no_exchange = limited(&node, &user, [".*", ".*-.*", ".*-.*"]).await;
    let findings = no_exchange.examine(&both).await;
    let refused = with(Severity::Refuses, &findings);
    let [write, read] = &refused[..] else { panic!("two rights: {refused:#?}") };
    assert!(write.contains("the right to read exchange `amq.topic`"), "{write}");
    assert!(read.contains("the right to write exchange `amq.default`"), "{read}");
    assert_eq!(with(Severity::Warns, &findings), [""; 0], "each right once");
    no_exchange.close().await;

    let all = limited(&node, &user, [".*", ".*", ".*"]).await;
    let findings = all.examine(&both).await;
    assert_eq!(with(Severity::Fine, &findings).len(), findings.len(), "{findings:#?}");
    all.close().await;
    node.ctl(&["delete_user", &user]);

    assert_eq!(node.queue(&missing.name, "messages"), None, "nothing was declared");
    let mut deliveries = broker.subscribe(&there, 1).await.expect("a consumer");
    let delivery = next(&mut deliveries).await;
    assert!(!delivery.redelivered && delivery.message.headers.get("x-delivery-count").is_none());
    broker.close().await;
}

#[tokio::test]
async fn examine_names_everything_else_in_one_call() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("examine")).await;
    let other = QueueSpec { delivery_limit: 5, ..with_ladder("other", &[SHORT]) };
    broker.prepare(std::slice::from_ref(&other)).await.expect("new queues");
    let other = QueueSpec { delivery_limit: 6, ..other };
    let no_target = QueueSpec { topology: Topology::Check, ..QueueSpec::new(fresh("no-target")) };
    let _kept = foreign(&node, &no_target.name, &[("x-queue-type", text("quorum"))]).await;
    let unbound = Binding { exchange: fresh("gone"), routing_key: "key".to_owned() };
    let unbound = QueueSpec { bindings: vec![unbound.clone()], ..QueueSpec::new(fresh("unbound")) };
    let left = QueueSpec { topology: Topology::Leave, ..QueueSpec::new(fresh("left")) };
    let findings = broker.examine(&[other.clone(), no_target.clone(), unbound.clone(), left.clone()]).await;
    let has = |severity, parts: &[&str]| {
        let texts = with(severity, &findings);
        let found = texts.iter().any(|text| parts.iter().all(|part| text.contains(part)));
        assert!(found, "{severity:?} {parts:?}: {findings:#?}");
    };
    has(Severity::Refuses, &[&other.name, "x-delivery-limit is '5', declared is '6'"]);
    has(Severity::Fine, &[&other.wait_queue(SHORT), "stream_queue"]);
    has(Severity::Refuses, &[&no_target.dead_letter, "does not exist"]);
    has(Severity::Warns, &[&no_target.name, "x-dead-letter-exchange is nothing"]);
    has(Severity::Refuses, &[&unbound.name, &unbound.bindings[0].exchange, "does not exist"]);
    has(Severity::Fine, &[&unbound.dead_letter, "a start declares it"]);
    has(Severity::Fine, &[&left.name, "topology `leave`"]);
    has(Severity::Fine, &["hostile headers", &format!("{MAX_HEADER_DEPTH} levels"), "RUST_MIN_STACK"]);
    has(Severity::Fine, &["RabbitMQ at amqp://", "is connected"]);
    assert!(!findings.iter().any(|finding| finding.severity != Severity::Fine && finding.remedy.is_empty()));
    broker.close().await;
}

#[tokio::test]
async fn a_look_does_not_wait_for_ever_while_the_link_is_down() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let broker = RabbitMq::builder(&url).connect().await.expect("RabbitMQ of the tests");
    let spec = QueueSpec::new(fresh("away"));
    cable.refuse(true);
    cable.cut();
    until("an outage", || broker.state() != BrokerState::Up).await;
    let begun = std::time::Instant::now();
    let error = broker.depth(&spec.name).await.expect_err("it is away");
    assert!(error.is_unavailable(), "{error:?}");
    let findings = broker.examine(std::slice::from_ref(&spec)).await;
    assert_eq!(with(Severity::Refuses, &findings).len(), 2, "{findings:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    cable.refuse(false);
    let depth = async { while broker.depth(&spec.name).await.is_err() {} };
    in_time("a recovery", depth).await;
    broker.close().await;
}
