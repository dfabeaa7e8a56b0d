//! Connections, channels and queues that go away under a consumer.

use std::{future::Future, time::Duration};

use consumer::{
    Broker, RabbitMq,
    broker::{Binding, BrokerState, Publication, QueueSpec, Subscription, Topology},
};
use consumer_tests::{
    cable::Cable,
    rabbitmq::{Node, ack, ack_all, body, consumed, fresh, in_time, message, next, publish, to_queue, until},
    servers,
};

/// The message is in work while its connection is closed; its next delivery has the same tag.
#[tokio::test]
async fn forced_close_redelivers_and_old_acks_do_nothing() {
    let Some(node) = Node::get() else { return };
    let name = fresh("forced-close");
    let broker = node.connect(&name).await;
    let (spec, mut deliveries) = consumed(&broker, 1).await;
    publish(&broker, &spec.name, &["1", "2"]).await;
    let old = next(&mut deliveries).await;
    assert_eq!(body(&old), "1");
    node.close_connections(&format!("{name} (consuming)"));
    let again = next(&mut deliveries).await;
    assert_eq!((body(&again), again.tag), ("1".to_owned(), old.tag));
    assert!(again.redelivered);
    assert!(!old.is_live() && !ack(old).await, "an old ack must not settle another message");
    assert!(ack(again).await);
    ack_all(&mut deliveries, &["2"]).await;
    assert_eq!(broker.state(), BrokerState::Up);
    broker.close().await;
}

/// Publishing goes on by itself; at most the message in flight is unconfirmed.
#[tokio::test]
async fn forced_close_of_the_publishing_connection_costs_one_publish() {
    let Some(node) = Node::get() else { return };
    let name = fresh("forced-close-publishing");
    let broker = node.connect(&name).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &spec.name, &["1"]).await;
    node.close_connections(&format!("{name} (publishing)"));
    let second = in_time("a publish", broker.publish(to_queue(&spec.name, "2"))).await;
    assert!(second.is_ok() || second.is_err_and(|error| error.is_unconfirmed() || error.is_unavailable()));
    publish(&broker, &spec.name, &["3"]).await;
    assert_eq!(body(&next(&mut deliveries).await), "1", "the consuming connection is another one");
    broker.close().await;
}

/// What RabbitMQ up to 4.2 does about a delivery that is not acked in time: it closes the channel.
#[tokio::test]
async fn consumer_timeout_closes_the_channel_and_the_message_comes_again() {
    let Some(url) = servers::need(servers::AMQP_SHORT_TIMEOUT) else { return };
    let broker = RabbitMq::connect(&url).await.expect("RabbitMQ of the tests");
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &spec.name, &["slow"]).await;
    let slow = next(&mut deliveries).await;
    until("the consumer timeout", || !slow.is_live()).await;
    assert!(!ack(slow).await, "the channel is gone");
    ack_all(&mut deliveries, &["slow"]).await;
    publish(&broker, &spec.name, &["quick"]).await;
    ack_all(&mut deliveries, &["quick"]).await;
    broker.close().await;
}

#[tokio::test]
async fn deleted_queue_is_declared_again() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("deleted-queue")).await;
    let name = fresh("test");
    let binding = Binding { exchange: "amq.topic".into(), routing_key: format!("{name}.*") };
    let spec = QueueSpec { bindings: vec![binding], ..QueueSpec::new(&name) };
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let mut deliveries = broker.subscribe(&spec, 10).await.expect("a consumer");
    node.delete_queue(&name);
    let bound = || Publication {
        exchange: "amq.topic".into(),
        routing_key: format!("{name}.paid"),
        message: message("after"),
    };
    retried("a bound queue", || async { broker.publish(bound()).await.ok() }).await;
    assert_eq!(body(&next(&mut deliveries).await), "after");
    broker.close().await;
}

/// A queue that we were told to leave alone is somebody else's to declare, so it is waited for, loudly.
#[tokio::test]
async fn deleted_queue_that_is_not_ours_is_reported_until_it_is_back() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("deleted-foreign-queue")).await;
    let (declared, first) = consumed(&broker, 10).await;
    drop(first);
    let foreign = QueueSpec { topology: Topology::Leave, ..declared.clone() };
    let mut deliveries = broker.subscribe(&foreign, 10).await.expect("a consumer");
    node.delete_queue(&foreign.name);
    let reported = |state| matches!(state, BrokerState::Down(reason) if reason.contains(&foreign.name));
    until("a report", || reported(broker.state())).await;
    broker.prepare(&[declared]).await.expect("the owner declares it");
    until("a recovery", || broker.state() == BrokerState::Up).await;
    publish(&broker, &foreign.name, &["after"]).await;
    ack_all(&mut deliveries, &["after"]).await;
    broker.close().await;
}

/// A cable is pulled: no packet says so.
#[tokio::test]
async fn a_half_open_connection_is_noticed_and_replaced() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let broker =
        RabbitMq::builder(&url).heartbeat(Duration::from_secs(1)).connect().await.expect("through the cable");
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &spec.name, &["1"]).await;
    let held = next(&mut deliveries).await;
    cable.stall();
    until("the loss", || matches!(broker.state(), BrokerState::Down(_))).await;
    let away =
        in_time("an answer", broker.publish(to_queue(&spec.name, "x"))).await.expect_err("nobody is there");
    assert!(away.is_unavailable() || away.is_unconfirmed(), "{away:?}");
    cable.resume();
    until("a recovery", || broker.state() == BrokerState::Up).await;
    assert!(!ack(held).await);
    ack_all(&mut deliveries, &["1"]).await;
    broker.close().await;
}

#[tokio::test]
async fn a_connection_cut_again_and_again_loses_nothing() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let broker = RabbitMq::connect(&url).await.expect("through the cable");
    let (spec, mut deliveries) = consumed(&broker, 3).await;
    let direct = node.connect(&fresh("direct")).await;
    let bodies: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let bodies: Vec<_> = bodies.iter().map(String::as_str).collect();
    publish(&direct, &spec.name, &bodies).await;
    let mut acked = Vec::new();
    while acked.len() < bodies.len() {
        let delivery = next(&mut deliveries).await;
        let text = body(&delivery);
        if ack(delivery).await && !acked.contains(&text) {
            acked.push(text);
            if acked.len().is_multiple_of(5) {
                cable.cut();
            }
        }
    }
    // An ack that was written may have been cut off on its way: what it was for comes once more.
    let again = async {
        loop {
            ack(next(&mut deliveries).await).await;
        }
    };
    tokio::select! {
        () = again => {}
        () = until("an empty queue", || node.queue(&spec.name, "messages").as_deref() == Some("0")) => {}
    }
    broker.close().await;
    direct.close().await;
}

#[tokio::test]
async fn closing_while_the_broker_is_away_does_not_hang() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = Cable::before(&node.url).await;
    let broker = RabbitMq::connect(&url).await.expect("through the cable");
    let (_, mut deliveries) = consumed(&broker, 3).await;
    cable.refuse(true);
    cable.cut();
    until("the loss", || matches!(broker.state(), BrokerState::Down(_))).await;
    in_time("the close", broker.close()).await;
    assert!(in_time("the end", deliveries.next()).await.is_none());
    let closed = broker.publish(to_queue("x", "x")).await.expect_err("closed");
    assert!(closed.is_unavailable(), "{closed:?}");
}

/// Tries until it works.
async fn retried<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    in_time(what, async {
        loop {
            match attempt().await {
                Some(done) => return done,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await
}

/// The only thread of the application's runtime does something else for six heartbeats.
#[tokio::test]
async fn a_blocked_application_misses_no_heartbeat() {
    let Some(node) = Node::get() else { return };
    let builder = node.builder(&fresh("blocked-application")).heartbeat(Duration::from_secs(1));
    let broker = builder.connect().await.expect("RabbitMQ of the tests");
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &spec.name, &["1"]).await;
    let held = next(&mut deliveries).await;
    std::thread::sleep(Duration::from_secs(6));
    assert!(held.is_live() && ack(held).await);
    broker.close().await;
}

/// The connection is fine and says so by its heartbeats; only the channel is dead, with a message in its hands.
#[tokio::test]
async fn a_channel_that_hangs_is_replaced() {
    let Some(node) = Node::get() else { return };
    let name = fresh("hanging-channel");
    let broker = node.connect(&name).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    node.suspend_channels(&format!("{name} (consuming)"));
    publish(&broker, &spec.name, &["stuck"]).await;
    ack_all(&mut deliveries, &["stuck"]).await;
    broker.close().await;
}

/// A quorum queue whose leader hangs answers nothing; neither consuming it nor giving up may harm another consumer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_does_not_answer_costs_no_other_its_connection() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("silent-queue")).await;
    let (silent, first) = consumed(&broker, 10).await;
    drop(first);
    let (other, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &other.name, &["held"]).await;
    let held = next(&mut deliveries).await;
    let leader = format!("'%2F_{}'", silent.name);
    node.ctl(&["eval", &format!("sys:suspend({leader}).")]);
    let subscribing = tokio::spawn({
        let (broker, silent) = (broker.clone(), silent.clone());
        async move { broker.subscribe(&silent, 10).await }
    });
    let reported = |state| matches!(state, BrokerState::Down(reason) if reason.contains(&silent.name));
    until("a report", || reported(broker.state())).await;
    assert!(held.is_live(), "the other consumer lost its channel");
    node.ctl(&["eval", &format!("sys:resume({leader}).")]);
    let mut resumed =
        in_time("a consumer", subscribing).await.expect("no panic").expect("the queue answers again");
    assert!(ack(held).await);
    publish(&broker, &silent.name, &["after"]).await;
    ack_all(&mut resumed, &["after"]).await;
    broker.close().await;
}
