//! A broker short of memory. The whole node is, so this is a test binary of its own.

use std::{collections::HashSet, time::Duration};

use consumer::{
    Broker,
    broker::{BrokerState, Settlement},
};
use consumer_core::doctor::Severity;
use consumer_tests::rabbitmq::{
    Node, ack, ack_all, body, consumed, fresh, in_time, next, publish, settle, to_queue, until,
};
use tokio::task::JoinSet;

/// Ends the alarm however the test ends.
struct Alarm<'a>(&'a Node);

impl<'a> Alarm<'a> {
    fn raise(node: &'a Node) -> Self {
        node.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
        Self(node)
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    }
}

#[tokio::test]
async fn memory_alarm_blocks_publish_not_consume() {
    let Some(node) = Node::get() else { return };
    let limit = Duration::from_secs(2);
    let builder = node.builder(&fresh("alarm")).confirm_within(limit).publish_channels(2);
    let broker = builder.connect().await.expect("RabbitMQ of the tests");
    let (spec, mut deliveries) = consumed(&broker, 2).await;
    let bodies = ["1", "2", "3", "4", "5", "6"];
    publish(&broker, &spec.name, &bodies).await;
    let alarm = Alarm::raise(&node);
    let error = broker.publish(to_queue(&spec.name, "late")).await.expect_err("no confirm comes");
    assert!(error.is_unconfirmed(), "{error:?}");
    until("the state", || matches!(broker.state(), BrokerState::Blocked(_))).await;
    ack_all(&mut deliveries, &bodies[..4]).await;
    let error = broker.publish(to_queue(&spec.name, "not sent")).await.expect_err("it is blocked");
    assert!(error.is_unconfirmed() && error.to_string().contains("blocked"), "{error:?}");
    assert!(settle(next(&mut deliveries).await, Settlement::Requeue).await, "requeues go on too");
    let findings = broker.examine(std::slice::from_ref(&spec)).await;
    let warned = findings.iter().filter(|finding| finding.severity == Severity::Warns).collect::<Vec<_>>();
    let [blocked] = &warned[..] else { panic!("one warning: {findings:?}") };
    assert!(blocked.found.contains("takes no publishes"), "{blocked}");
    // Long enough for three heartbeats to be missed, were they held up.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(matches!(broker.state(), BrokerState::Blocked(_)), "{:?}", broker.state());
    drop(alarm);
    until("the end of the alarm", || broker.state() == BrokerState::Up).await;
    in_time("a publish", broker.publish(to_queue(&spec.name, "after"))).await.expect("it publishes again");
    let mut missing = vec!["5", "6", "after"];
    while !missing.is_empty() {
        let delivery = next(&mut deliveries).await;
        let body = body(&delivery);
        assert!(body != "not sent", "what was not sent cannot come");
        missing.retain(|missing| *missing != body);
        assert!(ack(delivery).await);
    }
    broker.close().await;
}

/// Whoever was told that its message is stored was told the truth, with hundreds of them in flight when the alarm came.
#[tokio::test]
async fn no_publish_in_flight_at_an_alarm_is_confirmed_for_nothing() {
    let Some(node) = Node::get() else { return };
    let builder = node.builder(&fresh("alarm-in-flight")).confirm_within(Duration::from_secs(2));
    let broker = builder.connect().await.expect("RabbitMQ of the tests");
    let (spec, mut deliveries) = consumed(&broker, 1000).await;
    let mut publishing = JoinSet::new();
    for caller in 0..300 {
        let (broker, queue) = (broker.clone(), spec.name.clone());
        publishing.spawn(async move {
            let mut confirmed = Vec::new();
            for n in 0.. {
                let text = format!("{caller}-{n}");
                match in_time("an answer", broker.publish(to_queue(&queue, &text))).await {
                    Ok(()) => confirmed.push(text),
                    Err(error) if error.is_unconfirmed() => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
            confirmed
        });
    }
    let alarm = Alarm::raise(&node);
    let mut missing: HashSet<_> =
        in_time("an end", publishing.join_all()).await.into_iter().flatten().collect();
    assert!(matches!(broker.state(), BrokerState::Blocked(_)), "{:?}", broker.state());
    drop(alarm);
    while !missing.is_empty() {
        let delivery = next(&mut deliveries).await;
        missing.remove(&body(&delivery));
        ack(delivery).await;
    }
    in_time("a publish", broker.publish(to_queue(&spec.name, "after"))).await.expect("it publishes again");
    broker.close().await;
}
