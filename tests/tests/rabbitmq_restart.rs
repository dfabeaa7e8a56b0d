//! A broker that is killed and started again. The whole node is, so this is a test binary of its own.

use std::{process::Command, time::Duration};

use consumer::{
    Broker,
    broker::{BrokerState, QueueSpec},
};
use consumer_tests::{
    rabbitmq::{Node, PATIENCE, ack, ack_all, body, consumed, fresh, next, publish, to_queue, until},
    servers,
};
use tokio::sync::{Mutex, mpsc};

/// One restart at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Long enough for RabbitMQ to have a new quorum queue on disk.
///
/// It saves its register of them every half second; one that it does not find there comes back empty and without a leader,
/// whatever it had confirmed. Nothing tells when that has happened.
const REGISTERED: Duration = Duration::from_secs(2);

async fn restart() {
    tokio::time::sleep(REGISTERED).await;
    let program = servers::program(servers::RABBITMQ_RESTART).expect("checked by the test");
    let run = move || Command::new(program).output().expect("the restart script");
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_restart_loses_nothing_that_was_confirmed() {
    let (Some(node), Some(_)) = (Node::get(), servers::need(servers::RABBITMQ_RESTART)) else { return };
    let _alone = ALONE.lock().await;
    let broker = node.connect(&fresh("restart")).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    publish(&broker, &spec.name, &["held", "before"]).await;
    let held = next(&mut deliveries).await;
    let (sender, mut confirmed) = mpsc::unbounded_channel();
    let publishing = tokio::spawn(publish_all(broker.clone(), spec.clone(), sender));
    restart().await;
    until("a recovery", || broker.state() == BrokerState::Up).await;
    assert!(!held.is_live() && !ack(held).await);
    let mut expected = vec!["held".to_owned(), "before".to_owned()];
    publishing.await.expect("no panic");
    while let Some(id) = confirmed.recv().await {
        expected.push(id);
    }
    while !expected.is_empty() {
        let delivery = next(&mut deliveries).await;
        let text = body(&delivery);
        if ack(delivery).await {
            expected.retain(|id| *id != text);
        }
    }
    broker.close().await;
}

/// Publishes until four hundred are confirmed, each under its own id until it is.
async fn publish_all(broker: consumer::RabbitMq, spec: QueueSpec, confirmed: mpsc::UnboundedSender<String>) {
    for n in 0..400 {
        let id = n.to_string();
        let begun = tokio::time::Instant::now();
        while let Err(error) = broker.publish(to_queue(&spec.name, &id)).await {
            assert!(error.is_unconfirmed() || error.is_unavailable() || error.is_unroutable(), "{error:?}");
            assert!(begun.elapsed() < PATIENCE, "{error:?}");
        }
        confirmed.send(id).expect("the test listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Nothing moves while it restarts: the process has to notice by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_restart_is_noticed_by_an_idle_consumer() {
    let (Some(node), Some(_)) = (Node::get(), servers::need(servers::RABBITMQ_RESTART)) else { return };
    let _alone = ALONE.lock().await;
    let broker = node.connect(&fresh("idle")).await;
    let (spec, mut deliveries) = consumed(&broker, 10).await;
    restart().await;
    let publisher = node.connect(&fresh("publisher")).await;
    while publisher.publish(to_queue(&spec.name, "after")).await.is_err() {}
    ack_all(&mut deliveries, &["after"]).await;
    broker.close().await;
    publisher.close().await;
}
