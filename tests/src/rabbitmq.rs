//! RabbitMQ in tests: connections that can be told apart, queues of a test's own, and the node's own tools.

use std::{
    future::Future,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use consumer::{
    Broker, RabbitMq,
    broker::{Delivery, Publication, QueueSpec, Settlement, Subscription},
    message::Message,
    rabbitmq::{RabbitMqBuilder, RabbitMqSubscription},
};
use tokio::{sync::oneshot, time::timeout};

use crate::servers;

/// How long anything may take that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The node under test, with what drives it.
pub struct Node {
    /// Its address.
    pub url: String,
    ctl: PathBuf,
}

impl Node {
    /// The node, if tests may use one.
    pub fn get() -> Option<Self> {
        Some(Self { url: servers::need(servers::AMQP)?, ctl: servers::program(servers::RABBITMQCTL)? })
    }

    /// A connection that misses heartbeats soon, under a name of the test's own.
    pub fn builder(&self, name: &str) -> RabbitMqBuilder {
        RabbitMq::builder(&self.url).connection_name(name).heartbeat(Duration::from_secs(2))
    }

    /// A connection under a name of the test's own.
    pub async fn connect(&self, name: &str) -> RabbitMq {
        self.builder(name).connect().await.expect("RabbitMQ of the tests")
    }

    /// Runs `rabbitmqctl`.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.ctl).arg("--quiet").args(arguments).output().expect("rabbitmqctl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Runs `rabbitmqctl` on something that may be gone by then; says whether it worked.
    pub fn try_ctl(&self, arguments: &[&str]) -> bool {
        let output = Command::new(&self.ctl).arg("--quiet").args(arguments).output().expect("rabbitmqctl");
        output.status.success()
    }

    /// The broker's ends of the connections with this name.
    pub fn connections(&self, name: &str) -> Vec<String> {
        let wanted = format!("\"{name}\"");
        let list = self.ctl(&["list_connections", "--no-table-headers", "pid", "client_properties"]);
        let with_name = list.lines().filter(|line| line.contains(&wanted));
        with_name.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// Closes the connections with this name, as an operator does.
    pub fn close_connections(&self, name: &str) {
        let pids = self.connections(name);
        assert!(!pids.is_empty(), "no connection is named {name}");
        for pid in pids {
            self.ctl(&["close_connection", &pid, "test"]);
        }
    }

    /// Stops the channels of the connections with this name, so that they neither work nor end.
    pub fn suspend_channels(&self, name: &str) {
        let connections = self.connections(name);
        let list = self.ctl(&["list_channels", "--no-table-headers", "pid", "connection"]);
        for (channel, connection) in list.lines().filter_map(|line| line.split_once('\t')) {
            if connections.iter().any(|wanted| wanted == connection) {
                self.ctl(&["eval", &format!("sys:suspend(rabbit_misc:string_to_pid(\"{channel}\")).")]);
            }
        }
    }

    /// Deletes a queue.
    pub fn delete_queue(&self, queue: &str) {
        self.ctl(&["delete_queue", queue]);
    }

    /// What RabbitMQ says about a queue; `None` if there is none of that name.
    pub fn queue(&self, queue: &str, column: &str) -> Option<String> {
        let list = self.ctl(&["list_queues", "--no-table-headers", "name", column]);
        let mut rows = list.lines().filter_map(|line| line.split_once('\t'));
        rows.find(|(name, _)| *name == queue).map(|(_, value)| value.to_owned())
    }
}

/// A name that nothing else on the node has.
pub fn fresh(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", crate::database::fresh_name(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A message that says `body` under an id of the same text.
pub fn message(body: &str) -> Message {
    let mut message = Message { body: body.to_owned().into(), ..Message::default() };
    message.properties.message_id = Some(body.to_owned());
    message
}

/// A message for one queue.
pub fn to_queue(queue: &str, body: &str) -> Publication {
    Publication { exchange: String::new(), routing_key: queue.to_owned(), message: message(body) }
}

/// Publishes messages that say this.
pub async fn publish(broker: &RabbitMq, queue: &str, bodies: &[&str]) {
    for body in bodies {
        broker.publish(to_queue(queue, body)).await.expect("a confirm");
    }
}

/// A fresh queue, declared, and consumed.
pub async fn consumed(broker: &RabbitMq, prefetch: u16) -> (QueueSpec, RabbitMqSubscription) {
    let spec = QueueSpec::new(fresh("test"));
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let subscription = broker.subscribe(&spec, prefetch).await.expect("a consumer");
    (spec, subscription)
}

/// What has to happen.
pub async fn in_time<T>(what: &str, happens: impl Future<Output = T>) -> T {
    timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Waits for a condition.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The next delivery.
pub async fn next(subscription: &mut RabbitMqSubscription) -> Delivery {
    in_time("a delivery", subscription.next()).await.expect("nobody cancelled the subscription")
}

/// The body as text.
pub fn body(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body).into_owned()
}

/// Settles a delivery, and says whether that reached the channel.
pub async fn settle(delivery: Delivery, settlement: Settlement) -> bool {
    let (answer, answered) = oneshot::channel();
    delivery.settle(settlement, Box::new(move |written| answer.send(written).unwrap_or_default()));
    in_time("an answer to a settlement", answered).await.expect("every settlement is answered")
}

/// Acks a delivery, and says whether that reached the channel.
pub async fn ack(delivery: Delivery) -> bool {
    settle(delivery, Settlement::Ack).await
}

/// Acks deliveries until each of these bodies was acked for good; others must not come.
pub async fn ack_all(subscription: &mut RabbitMqSubscription, bodies: &[&str]) {
    let mut missing: Vec<_> = bodies.iter().map(|body| (*body).to_owned()).collect();
    while !missing.is_empty() {
        let delivery = next(subscription).await;
        let text = body(&delivery);
        assert!(bodies.contains(&text.as_str()), "{text} was not expected");
        if ack(delivery).await {
            missing.retain(|body| *body != text);
        }
    }
}
