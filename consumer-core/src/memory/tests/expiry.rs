//! Messages that come back when their time is over.

use std::time::Duration;

use proptest::prelude::*;
use tokio::{
    task::yield_now,
    time::{Instant, advance, sleep},
};

use super::*;
use crate::{
    broker::BrokerState,
    doctor::Severity,
    memory::{Chaos, terms::Terms},
    message::HeaderValue,
};

const DELAY: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_secs(5);
const WAIT: &str = "q.wait.4000";

/// A server with a queue `q` and a wait queue.
fn server() -> (MemoryBroker, QueueSpec) {
    let broker = MemoryBroker::new();
    let spec = QueueSpec { ladder: vec![DELAY], ..QueueSpec::new("q") };
    now(broker.prepare(std::slice::from_ref(&spec))).expect("new queues can be declared");
    (broker, spec)
}

/// Lets a message wait, for so many milliseconds if that is less than the longest.
fn wait(broker: &MemoryBroker, number: u32, expiration: Option<u64>) {
    let mut publication = Publication { routing_key: WAIT.into(), ..numbered(number) };
    publication.message.properties.expiration = expiration.map(|ms| ms.to_string());
    now(broker.publish(publication)).expect("the wait queue is there");
}

/// The next delivery and when it came.
async fn next(deliveries: &mut MemorySubscription, start: Instant) -> (u32, u64) {
    let delivery = in_time(deliveries.next()).await.expect("nobody cancelled");
    let number = number(&delivery.message);
    assert!(settle(delivery, Settlement::Ack));
    (number, u64::try_from(start.elapsed().as_millis()).expect("a short test"))
}

#[tokio::test(start_paused = true)]
async fn a_waiting_consumer_is_woken_when_the_time_is_over() {
    let (broker, spec) = server();
    let start = Instant::now();
    let mut deliveries = consume(&broker, &spec, 1);
    let waiting = tokio::spawn(async move { next(&mut deliveries, start).await });
    yield_now().await;
    wait(&broker, 1, None);
    assert_eq!(waiting.await.expect("it comes"), (1, 5000));
}

#[tokio::test(start_paused = true)]
async fn every_waiting_consumer_gets_its_own() {
    let (broker, spec) = server();
    let start = Instant::now();
    let waiting = [(); 2].map(|()| {
        let mut deliveries = consume(&broker, &spec, 1);
        tokio::spawn(async move {
            let delivery = in_time(deliveries.next()).await.expect("nobody cancelled");
            sleep(LONGEST).await;
            (number(&delivery.message), start.elapsed() - LONGEST)
        })
    });
    yield_now().await;
    wait(&broker, 1, Some(100));
    wait(&broker, 2, Some(300));
    let mut came = Vec::new();
    for waiting in waiting {
        came.push(waiting.await.expect("it comes"));
    }
    came.sort_unstable();
    assert_eq!(came, [(1, Duration::from_millis(100)), (2, Duration::from_millis(300))]);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_in_a_queue_can_expire() {
    let (broker, spec) = server();
    let start = Instant::now();
    let mut deliveries = consume(&broker, &spec, 10);
    wait(&broker, 1, Some(2000));
    wait(&broker, 2, Some(100));
    wait(&broker, 3, Some(2500));
    assert_eq!(next(&mut deliveries, start).await, (1, 2000));
    assert_eq!(next(&mut deliveries, start).await, (2, 2000));
    assert_eq!(next(&mut deliveries, start).await, (3, 2500));
}

/// The next one may expire at the very moment at which the last one would have.
#[tokio::test(start_paused = true)]
async fn a_purge_makes_the_next_expiry_news() {
    let (broker, spec) = server();
    let start = Instant::now();
    let mut deliveries = consume(&broker, &spec, 1);
    wait(&broker, 1, Some(100));
    assert_eq!(broker.purge(WAIT), 1);
    let waiting = tokio::spawn(async move { next(&mut deliveries, start).await });
    yield_now().await;
    wait(&broker, 2, Some(100));
    assert_eq!(waiting.await.expect("it comes"), (2, 100));
    assert_eq!(broker.tally(WAIT).purged, 1);
}

#[tokio::test(start_paused = true)]
async fn what_expires_without_a_consumer_is_in_its_queue() {
    let (broker, _) = server();
    wait(&broker, 1, None);
    wait(&broker, 2, None);
    advance(LONGEST - Duration::from_millis(1)).await;
    assert_eq!((broker.depth(WAIT), broker.depth("q")), (2, 0));
    advance(Duration::from_millis(1)).await;
    assert_eq!(broker.messages("q").iter().map(number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((broker.depth(WAIT), broker.tally(WAIT).expired, broker.tally("q").published), (0, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_queue_drains_by_expiry_though_nobody_consumes() {
    let (broker, _) = server();
    let start = Instant::now();
    wait(&broker, 1, None);
    in_time(broker.drained("q")).await;
    in_time(broker.drained(WAIT)).await;
    assert_eq!(start.elapsed(), LONGEST);
    assert_eq!(broker.depth("q"), 1);
}

#[tokio::test(start_paused = true)]
async fn it_says_what_it_waited_for() {
    let (broker, _) = server();
    wait(&broker, 1, Some(100));
    advance(LONGEST).await;
    let message = broker.messages("q").remove(0);
    assert_eq!(message.properties.expiration, None);
    assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("", "q"));
    assert_eq!(message.headers.text("x-first-death-reason"), Some("expired"));
    assert_eq!(message.headers.text("x-first-death-queue"), Some(WAIT));
    let Some(HeaderValue::Array(deaths)) = message.headers.get("x-death") else { panic!("no x-death") };
    let [HeaderValue::Table(death)] = deaths.as_slice() else { panic!("one death: {deaths:?}") };
    assert_eq!(death["original-expiration"], HeaderValue::from("100"));
    assert_eq!((&death["reason"], &death["count"]), (&HeaderValue::from("expired"), &HeaderValue::from(1)));
}

#[tokio::test(start_paused = true)]
async fn a_rung_whose_target_is_absent_keeps_its_messages() {
    let broker = MemoryBroker::new();
    let spec = QueueSpec { ladder: vec![DELAY], ..QueueSpec::new("q") };
    broker.server.lock().declared.declare_queue(WAIT, Terms::of_wait(&spec, DELAY));
    wait(&broker, 1, Some(100));
    sleep(LONGEST).await;
    assert_eq!((broker.depth(WAIT), broker.tally(WAIT).expired), (1, 0));
    assert!(broker.drained(WAIT).now_or_never().is_none());
    now(broker.prepare(std::slice::from_ref(&spec))).expect("only the target is missing");
    assert_eq!(numbers(&take(&mut consume(&broker, &spec, 1), 1)), [1]);
}

#[tokio::test(start_paused = true)]
async fn nothing_moves_while_the_broker_is_away_and_everything_after() {
    let (broker, spec) = server();
    let mut deliveries = consume(&broker, &spec, 1);
    wait(&broker, 1, None);
    broker.go_down("restart");
    let start = Instant::now();
    let waiting = tokio::spawn(async move { next(&mut deliveries, start).await });
    sleep(LONGEST * 2).await;
    assert_eq!(broker.depth(WAIT), 1);
    broker.recover();
    assert_eq!(waiting.await.expect("it comes"), (1, 10_000));
}

/// Told of no time while the broker was away, it has to be told after that.
#[tokio::test(start_paused = true)]
async fn a_consumer_that_slept_through_an_outage_is_told_what_expires() {
    let (broker, spec) = server();
    let mut deliveries = consume(&broker, &spec, 1);
    broker.go_down("restart");
    let start = Instant::now();
    let waiting = tokio::spawn(async move { next(&mut deliveries, start).await });
    yield_now().await;
    broker.recover();
    wait(&broker, 1, Some(100));
    assert_eq!(waiting.await.expect("it comes"), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn chaos_moves_a_message_at_least_once_and_never_delays_it_where_nobody_looks() {
    let (broker, _) = server();
    broker.unleash(Chaos::new(3).duplicate(1.0).delay(1.0, DELAY).only(["q", WAIT]));
    wait(&broker, 1, Some(100));
    assert_eq!(broker.tally(WAIT).published, 2);
    advance(LONGEST).await;
    assert_eq!((broker.depth(WAIT), broker.depth("q"), broker.faults().delayed), (0, 4, 4));
}

#[tokio::test(start_paused = true)]
async fn an_expiration_that_is_kept_empties_a_dead_letter_queue() {
    let (broker, _) = server();
    let mut publication = Publication { routing_key: "q.dlq".into(), ..numbered(1) };
    publication.message.properties.expiration = Some("100".into());
    now(broker.publish(publication)).expect("the queue is there");
    assert_eq!(broker.depth("q.dlq"), 1);
    advance(LONGEST).await;
    assert_eq!((broker.depth("q.dlq"), broker.tally("q.dlq").expired), (0, 1));
}

#[test]
fn an_expiration_that_is_no_number_is_refused() {
    let (broker, _) = server();
    for expiration in ["soon", "-1", "4294967296", ""] {
        let mut publication = numbered(1);
        publication.message.properties.expiration = Some(expiration.into());
        let error = now(broker.publish(publication)).expect_err(expiration);
        assert!(error.is_unpublishable(), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_depth_is_not_waited_for_for_ever() {
    let (broker, _) = server();
    let broker = broker.with_confirm_timeout(Duration::from_secs(1));
    broker.go_down("no route to host");
    let error = in_time(Broker::depth(&broker, "q")).await.expect_err("it is away");
    assert!(error.is_unavailable(), "{error:?}");
    broker.recover();
    assert_eq!(Broker::depth(&broker, "q").await.expect("it is back"), Some(0));
    assert_eq!(Broker::depth(&broker, "nowhere").await.expect("it is back"), None);
}

#[tokio::test(start_paused = true)]
async fn an_examination_names_everything_at_once() {
    let (broker, spec) = server();
    let other = QueueSpec { name: WAIT.into(), ..QueueSpec::new("other") };
    let missing = QueueSpec { topology: crate::broker::Topology::Check, ..QueueSpec::new("missing") };
    let found = broker.examine(&[spec.clone(), other.clone(), missing.clone()]).await;
    let refused: Vec<_> = found.iter().filter(|finding| finding.severity == Severity::Refuses).collect();
    let subjects: Vec<_> = refused.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["queue `q.wait.4000`", "queue `missing.dlq`", "queue `missing`"]);
    assert!(refused[0].found.contains("x-message-ttl is 5000 and not not set"), "{}", refused[0]);
    let error = broker.prepare(&[spec, other, missing]).await.expect_err("all of it is refused");
    assert!(refused.iter().all(|finding| error.to_string().contains(&finding.found)), "{error}");
    assert_eq!(broker.state(), BrokerState::Up);
}

/// A message is published so long after the one before it, and may wait so long.
fn journey() -> impl Strategy<Value = Vec<(u64, Option<u64>)>> {
    prop::collection::vec((0..2000_u64, prop::option::of(0..6000_u64)), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A message comes back when its own time is over and all before it have.
    #[test]
    fn messages_come_back_in_order_and_none_too_early(journey in journey()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (broker, spec) = server();
            let start = Instant::now();
            let (mut clock, mut before, mut expected) = (0, 0, Vec::new());
            for (n, (pause, expiration)) in journey.iter().enumerate() {
                clock += pause;
                before = before.max(clock + expiration.unwrap_or(5000).min(5000));
                expected.push((u32::try_from(n).expect("few"), before));
            }
            let publishing = async {
                for (n, (pause, expiration)) in (0..).zip(&journey) {
                    sleep(Duration::from_millis(*pause)).await;
                    wait(&broker, n, *expiration);
                }
            };
            let mut deliveries = consume(&broker, &spec, 3);
            let consuming = async {
                for expected in &expected {
                    assert_eq!(next(&mut deliveries, start).await, *expected);
                }
            };
            tokio::join!(publishing, consuming);
        });
    }
}
