//! The confirmed publisher: what it says about a message is true.

use std::{sync::Arc, time::Duration};

use consumer::{
    Broker,
    broker::{Publication, QueueSpec},
    message::HeaderValue,
};
use consumer_tests::rabbitmq::{
    Node, body, consumed, fresh, in_time, message, next, publish, to_queue, until,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn unroutable_is_never_confirmed() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("unroutable")).await;
    let error = broker.publish(to_queue("no-such-queue", "1")).await.expect_err("no queue takes it");
    assert!(error.is_unroutable() && error.to_string().contains("no-such-queue"), "{error:?}");
    let exchange = Publication { exchange: "no-such-exchange".into(), ..to_queue("key", "1") };
    let error = broker.publish(exchange).await.expect_err("there is no such exchange");
    assert!(error.is_unroutable() && error.to_string().contains("no-such-exchange"), "{error:?}");
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thousands_at_once_exactly_the_unroutable_come_back() {
    let Some(node) = Node::get() else { return };
    let broker =
        node.builder(&fresh("mixed")).publish_channels(16).connect().await.expect("RabbitMQ of the tests");
    let (spec, deliveries) = consumed(&broker, 1).await;
    drop(deliveries);
    let queue: Arc<str> = spec.name.into();
    let mut publishing = JoinSet::new();
    for task in 0..32 {
        let (broker, queue) = (broker.clone(), queue.clone());
        publishing.spawn(async move {
            for n in 0..100 {
                let routable = (task + n) % 3 != 0;
                let key = if routable { &*queue } else { "no-such-queue" };
                match broker.publish(to_queue(key, &format!("{task}-{n}"))).await {
                    Ok(()) => assert!(routable, "{task}-{n} is stored nowhere"),
                    Err(error) => assert!(!routable && error.is_unroutable(), "{error:?}"),
                }
            }
        });
    }
    publishing.join_all().await;
    let stored = (0..32)
        .flat_map(|task| (0..100).map(move |n| (task + n) % 3 != 0))
        .filter(|routable| *routable)
        .count();
    until("all of them", || node.queue(&queue, "messages").as_deref() == Some(&stored.to_string())).await;
    broker.close().await;
}

#[tokio::test]
async fn a_full_queue_is_unconfirmed() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("full")).await;
    let spec = QueueSpec::new(fresh("full"));
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let policy = r#"{"max-length":2,"overflow":"reject-publish"}"#;
    node.ctl(&["set_policy", "--apply-to", "queues", &spec.name, &format!("^{}$", spec.name), policy]);
    let filled = in_time("a full queue", async {
        loop {
            if let Err(error) = broker.publish(to_queue(&spec.name, "x")).await {
                return error;
            }
        }
    });
    let error = filled.await;
    assert!(error.is_unconfirmed() && error.to_string().contains("full"), "{error:?}");
    node.ctl(&["clear_policy", &spec.name]);
    in_time("room", async { while broker.publish(to_queue(&spec.name, "y")).await.is_err() {} }).await;
    broker.close().await;
}

/// The broker would end the connection, with whatever else is on it.
#[tokio::test]
async fn headers_beyond_a_frame_are_unpublishable_and_harm_nobody() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("frame")).await;
    let (spec, mut deliveries) = consumed(&broker, 1).await;
    let mut big = message("big");
    big.headers.insert("big", "x".repeat(140_000));
    let publication = Publication { exchange: String::new(), routing_key: spec.name.clone(), message: big };
    let error = broker.publish(publication).await.expect_err("it fits no frame");
    assert!(error.is_unpublishable() && error.to_string().contains("frame_max"), "{error:?}");
    let mut just = message("just");
    just.headers.insert("just", HeaderValue::Text("x".repeat(130_000)));
    let publication = Publication { exchange: String::new(), routing_key: spec.name.clone(), message: just };
    broker.publish(publication).await.expect("it fits one frame");
    assert_eq!(body(&next(&mut deliveries).await), "just");
    broker.close().await;
}

#[tokio::test]
async fn a_foreign_user_id_is_unpublishable_and_publishing_goes_on() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("user-id")).await;
    let (spec, _deliveries) = consumed(&broker, 1).await;
    let mut foreign = message("1");
    foreign.properties.user_id = Some("somebody-else".into());
    let publication =
        Publication { exchange: String::new(), routing_key: spec.name.clone(), message: foreign };
    let error = broker.publish(publication).await.expect_err("RabbitMQ verifies it");
    assert!(error.is_unpublishable() && error.to_string().contains("somebody-else"), "{error:?}");
    publish(&broker, &spec.name, &["2"]).await;
    broker.close().await;
}

#[tokio::test]
async fn a_body_of_many_frames_arrives_whole() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("large")).await;
    let (spec, mut deliveries) = consumed(&broker, 1).await;
    let mut large = message("large");
    large.body = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    let publication =
        Publication { exchange: String::new(), routing_key: spec.name.clone(), message: large.clone() };
    broker.publish(publication).await.expect("a confirm");
    assert!(next(&mut deliveries).await.message.body == large.body);
    broker.close().await;
}

/// A publish that nobody waits for any more must not leave its confirm to the next one.
#[tokio::test]
async fn a_dropped_publish_confuses_no_other() {
    let Some(node) = Node::get() else { return };
    let broker =
        node.builder(&fresh("dropped")).publish_channels(1).connect().await.expect("RabbitMQ of the tests");
    let (spec, _deliveries) = consumed(&broker, 1).await;
    for _ in 0..50 {
        let dropped =
            tokio::time::timeout(Duration::from_micros(300), broker.publish(to_queue(&spec.name, "1")));
        let _ = dropped.await;
        let error = broker.publish(to_queue("no-such-queue", "2")).await.expect_err("no queue takes it");
        assert!(error.is_unroutable(), "{error:?}");
    }
    broker.close().await;
}

/// lapin would log all of a returned message.
#[tokio::test]
async fn the_content_of_a_returned_message_is_never_logged() {
    let Some(node) = Node::get() else { return };
    let log = Log::default();
    let logging =
        tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::WARN).finish();
    tracing::subscriber::set_global_default(logging).expect("one test of this binary logs");
    let broker = node.connect(&fresh("returned")).await;
    let mut secret = message("canary-4711");
    secret.headers.insert("canary", "canary-4711");
    let publication =
        Publication { exchange: String::new(), routing_key: "no-such-queue".into(), message: secret };
    broker.publish(publication).await.expect_err("no queue takes it");
    tracing::warn!("everything is in the log");
    let text = log.text();
    assert!(text.contains("everything is in the log"), "{text}");
    let bytes = b"canary-4711".map(|byte| byte.to_string()).join(", ");
    assert!(!text.contains("canary-4711") && !text.contains(&bytes), "{text}");
    broker.close().await;
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics with it")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Nothing is lost when the broker is away while a message is published: the caller is told.
#[tokio::test]
async fn what_was_confirmed_before_a_cut_is_stored() {
    let Some(node) = Node::get() else { return };
    let (cable, url) = consumer_tests::cable::Cable::before(&node.url).await;
    let broker = consumer::RabbitMq::connect(&url).await.expect("through the cable");
    let spec = QueueSpec::new(fresh("cut"));
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let mut confirmed = 0;
    for n in 0..300 {
        if n % 60 == 30 {
            cable.cut();
        }
        match broker.publish(to_queue(&spec.name, &n.to_string())).await {
            Ok(()) => confirmed += 1,
            Err(error) => assert!(error.is_unconfirmed() || error.is_unavailable(), "{error:?}"),
        }
    }
    assert!(confirmed >= 290, "{confirmed}");
    let at_least = || {
        node.queue(&spec.name, "messages")
            .is_some_and(|stored| stored.parse().is_ok_and(|stored: i32| stored >= confirmed))
    };
    until("everything confirmed", at_least).await;
    broker.close().await;
}
