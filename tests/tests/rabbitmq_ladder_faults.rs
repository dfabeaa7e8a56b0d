//! Copies that wait while their queue, or the broker, is not there. The whole node is shaken, so this is a test binary of
//! its own.

use std::{process::Command, time::Duration};

use consumer::{
    Broker, RabbitMq,
    broker::{BrokerState, QueueKind, QueueSpec, Subscription},
};
use consumer_tests::{
    rabbitmq::{Node, PATIENCE, ack, body, fresh, to_queue, until},
    servers, wait,
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

/// One fault at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const DELAY: Duration = Duration::from_millis(200);
/// As in `rabbitmq_restart.rs`.
const REGISTERED: Duration = Duration::from_secs(2);
const COPIES: [&str; 3] = ["1", "2", "3"];

/// RabbitMQ tries every three minutes to move on what it could not, unless it is told to try more often, as the one that
/// `cargo xtask` starts is.
const RETRIED: Duration = Duration::from_secs(240);

async fn node() -> Option<(Node, MutexGuard<'static, ()>)> {
    let (node, _) = (Node::get()?, servers::need(servers::RABBITMQ_RESTART)?);
    Some((node, ALONE.lock().await))
}

async fn restart() {
    let program = servers::program(servers::RABBITMQ_RESTART).expect("checked by the test");
    let run = move || Command::new(program).output().expect("the restart script");
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn prepared(node: &Node, kind: QueueKind, delay: Duration) -> (RabbitMq, QueueSpec) {
    let broker = node.connect(&fresh("ladder")).await;
    let spec = QueueSpec { kind, ladder: vec![delay], ..QueueSpec::new(fresh("ladder")) };
    broker.prepare(std::slice::from_ref(&spec)).await.expect("new queues");
    (broker, spec)
}

async fn let_wait(broker: &RabbitMq, spec: &QueueSpec, delay: Duration) {
    for copy in COPIES {
        broker.publish(to_queue(&spec.wait_queue(delay), copy)).await.expect("a confirm");
    }
}

/// Waits until what was in the wait queue has expired, and is nowhere else.
async fn expired(node: &Node, broker: &RabbitMq, queue: &str) {
    wait::until("the expiry", PATIENCE, async || {
        broker.depth(queue).await.is_ok_and(|depth| depth == Some(0))
    })
    .await;
    until("a figure", || node.queue(queue, "messages").as_deref() == Some("3")).await;
}

async fn all_come_back(broker: &RabbitMq, spec: &QueueSpec) {
    broker.prepare(std::slice::from_ref(spec)).await.expect("only the queue is missing");
    let mut deliveries = broker.subscribe(spec, 10).await.expect("a consumer");
    for copy in COPIES {
        let delivery =
            timeout(RETRIED, deliveries.next()).await.expect("it is not lost").expect("not cancelled");
        assert_eq!(body(&delivery), copy);
        assert!(ack(delivery).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rung_that_expires_while_its_queue_is_deleted_loses_nothing() {
    let Some((node, _alone)) = node().await else { return };
    for kind in [QueueKind::Quorum, QueueKind::Classic] {
        let (broker, spec) = prepared(&node, kind, DELAY).await;
        node.delete_queue(&spec.name);
        let_wait(&broker, &spec, DELAY).await;
        expired(&node, &broker, &spec.wait_queue(DELAY)).await;
        all_come_back(&broker, &spec).await;
        broker.close().await;
    }
}

/// What the broker could not move before it was killed, it moves once it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_without_a_queue_survives_a_kill_of_the_broker() {
    let Some((node, _alone)) = node().await else { return };
    let (broker, spec) = prepared(&node, QueueKind::Quorum, DELAY).await;
    node.delete_queue(&spec.name);
    let_wait(&broker, &spec, DELAY).await;
    expired(&node, &broker, &spec.wait_queue(DELAY)).await;
    broker.prepare(std::slice::from_ref(&spec)).await.expect("only the queue is missing");
    tokio::time::sleep(REGISTERED).await;
    restart().await;
    until("a recovery", || broker.state() == BrokerState::Up).await;
    all_come_back(&broker, &spec).await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rung_that_expires_while_the_broker_is_dead_loses_nothing() {
    const LONGER: Duration = Duration::from_secs(4);
    let Some((node, _alone)) = node().await else { return };
    let (broker, spec) = prepared(&node, QueueKind::Quorum, LONGER).await;
    tokio::time::sleep(REGISTERED).await;
    let_wait(&broker, &spec, LONGER).await;
    assert_eq!(broker.depth(&spec.name).await.expect("it is there"), Some(0), "nothing is back yet");
    restart().await;
    until("a recovery", || broker.state() == BrokerState::Up).await;
    all_come_back(&broker, &spec).await;
    broker.close().await;
}
