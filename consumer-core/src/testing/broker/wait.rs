//! Copies that wait and come back.

use std::sync::Arc;

use std::time::Duration;

use super::stage::{Stage, ack, expect, expect_all, in_time, message, new_spec, next, subscribe, to_queue};
use crate::{
    broker::{Broker, QueueSpec, Topology},
    clock::{self, Instant},
    message::{HeaderValue, Message},
};

const SHORT: Duration = Duration::from_millis(200);
/// Nothing waits for its end.
const LONG: Duration = Duration::from_secs(600);
/// A broker counts in whole milliseconds, and by a clock of its own.
const PRECISION: Duration = Duration::from_millis(5);

/// A queue with one wait queue.
fn with_rung(delay: Duration) -> QueueSpec {
    QueueSpec { ladder: vec![delay], ..new_spec() }
}

/// Lets a message wait, for so many milliseconds if that is less than its queue says.
async fn wait<B: Broker>(
    broker: &B,
    spec: &QueueSpec,
    delay: Duration,
    message: Message,
    expiration: Option<u64>,
) {
    let mut waiting = to_queue(&spec.wait_queue(delay), message);
    waiting.message.properties.expiration = expiration.map(|ms| ms.to_string());
    in_time("a confirm", broker.publish(waiting)).await.expect("a wait queue takes the message");
}

fn has_passed(since: Instant, time: Duration) {
    let passed = since.elapsed();
    assert!(passed + PRECISION >= time, "it came after {passed:?} instead of {time:?}");
}

pub(super) async fn comes_back_to_its_queue_after_its_delay<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    let start = clock::now();
    wait(&broker, &spec, SHORT, message("1"), None).await;
    let delivery = expect(&mut deliveries, "1").await;
    has_passed(start, QueueSpec::longest_wait(SHORT));
    assert!(!delivery.redelivered, "it is new in its queue");
    ack(delivery).await;
}

pub(super) async fn comes_back_as_it_left<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let mut left = message("1");
    left.properties.content_type = Some("text/plain".into());
    left.properties.correlation_id = Some("order-7".into());
    left.properties.delivery_mode = Some(2);
    left.headers.insert("tenant", "blue");
    left.headers.insert("x-consumer-original-CC", HeaderValue::Array(vec!["audit".into()]));
    wait(&broker, &spec, SHORT, left.clone(), None).await;
    let mut back = Arc::unwrap_or_clone(next(&mut subscribe(&broker, &spec, 1).await).await.message);
    assert_eq!((back.body, back.properties), (left.body, left.properties));
    let Some(HeaderValue::Array(deaths)) = back.headers.remove("x-death") else {
        panic!("a message that waited has `x-death`")
    };
    assert_eq!(deaths.len(), 1);
    let own = back.headers.into_iter().filter(|(name, _)| !name.contains("-death-"));
    assert_eq!(own.collect::<crate::message::Headers>(), left.headers);
}

/// However often it went round, a copy says where the message was published first, and what it was then.
pub(super) async fn a_copy_of_a_copy_still_knows_the_first<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let mut first = message("1");
    first.properties.expiration = Some("60000".into());
    (first.exchange, first.routing_key) = ("payments".into(), "payment.captured".into());
    let copy = first.copy_from(&spec.name);
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    let mut again = copy.clone();
    for _ in 0..2 {
        wait(&broker, &spec, SHORT, again, Some(50)).await;
        let delivery = expect(&mut deliveries, "1").await;
        let back = &delivery.message;
        assert_eq!((back.exchange.as_str(), back.routing_key.as_str()), ("", spec.name.as_str()));
        assert_eq!(back.properties.expiration, None, "it would expire in the next queue");
        again = back.copy_from(&spec.name);
        again.headers.remove("x-consumer-original-x-death");
        for which in ["exchange", "queue", "reason"] {
            again.headers.remove(&format!("x-consumer-original-x-first-death-{which}"));
            again.headers.remove(&format!("x-consumer-original-x-last-death-{which}"));
        }
        assert_eq!((&again.headers, &again.properties), (&copy.headers, &copy.properties));
        ack(delivery).await;
    }
}

pub(super) async fn many_come_back_in_order<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let bodies: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    for body in &bodies {
        wait(&broker, &spec, SHORT, message(body), None).await;
    }
    let mut deliveries = subscribe(&broker, &spec, 10).await;
    for body in &bodies {
        ack(expect(&mut deliveries, body).await).await;
    }
}

pub(super) async fn a_lower_expiration_comes_back_earlier<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(LONG)).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    let start = clock::now();
    wait(&broker, &spec, LONG, message("1"), Some(300)).await;
    ack(expect(&mut deliveries, "1").await).await;
    has_passed(start, Duration::from_millis(300));
}

pub(super) async fn a_higher_expiration_does_not_come_back_later<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    wait(&broker, &spec, SHORT, message("1"), Some(600_000)).await;
    ack(expect(&mut deliveries, "1").await).await;
}

/// Copies that leave together have to have expirations in the order in which they left.
pub(super) async fn an_expiration_behind_a_longer_one_waits_for_it<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(LONG)).await;
    let mut deliveries = subscribe(&broker, &spec, 2).await;
    let start = clock::now();
    wait(&broker, &spec, LONG, message("long"), Some(500)).await;
    wait(&broker, &spec, LONG, message("short"), Some(10)).await;
    let held = expect_all(&mut deliveries, &["long", "short"]).await;
    has_passed(start, Duration::from_millis(500));
    for delivery in held {
        ack(delivery).await;
    }
}

pub(super) async fn each_delay_has_its_own_queue<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(QueueSpec { ladder: vec![LONG, SHORT], ..new_spec() }).await;
    let mut deliveries = subscribe(&broker, &spec, 1).await;
    wait(&broker, &spec, LONG, message("long"), None).await;
    wait(&broker, &spec, SHORT, message("short"), None).await;
    ack(expect(&mut deliveries, "short").await).await;
    assert_eq!(broker.depth(&spec.wait_queue(LONG)).await.expect("it is there"), Some(1));
}

pub(super) async fn names_the_wait_queue_that_differs<B: Broker>(stage: &Stage<'_, B>) {
    let broker = stage.connect().await;
    let spec = with_rung(SHORT);
    let ordinary =
        QueueSpec { dead_letter: spec.dead_letter.clone(), ..QueueSpec::new(spec.wait_queue(SHORT)) };
    broker.prepare(&[ordinary]).await.expect("a new queue can be declared");
    let error = broker.prepare(std::slice::from_ref(&spec)).await.expect_err("the arguments differ");
    let text = error.to_string();
    assert!(error.is_topology(), "{error:?}");
    assert!(text.contains(&spec.wait_queue(SHORT)) && text.contains("x-message-ttl"), "{text}");
}

pub(super) async fn check_names_the_wait_queue_that_is_missing<B: Broker>(stage: &Stage<'_, B>) {
    let (broker, spec) = stage.with(with_rung(SHORT)).await;
    let check = QueueSpec { topology: Topology::Check, ..spec };
    broker.prepare(std::slice::from_ref(&check)).await.expect("all of it was declared");
    let ladder = vec![SHORT, LONG];
    let error = broker.prepare(&[QueueSpec { ladder, ..check.clone() }]).await;
    let error = error.expect_err("a wait queue is missing");
    assert!(error.is_topology() && error.to_string().contains(&check.wait_queue(LONG)), "{error:?}");
}
