//! A broker that goes away, or takes no publishes.

use std::time::Duration;

use super::*;
use crate::broker::BrokerState;

#[tokio::test(start_paused = true)]
async fn a_blocked_broker_delivers_but_confirms_nothing_in_time() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=1);
    broker.block("memory alarm");
    assert_eq!(broker.state(), BrokerState::Blocked("memory alarm".into()));
    let error = broker.publish(numbered(2)).await.expect_err("it is blocked");
    assert!(error.is_unconfirmed(), "{error:?}");
    let mut deliveries = consume(&broker, &spec, 10);
    assert!(settle(take(&mut deliveries, 1).remove(0), Settlement::Ack));
    assert_eq!((broker.depth("q"), broker.unacked("q")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unconfirmed_publish_is_stored_when_the_broker_recovers() {
    let (broker, _) = server(QueueKind::Quorum);
    broker.block("disk alarm");
    broker.publish(numbered(1)).await.expect_err("it is blocked");
    assert_eq!(broker.depth("q"), 0);
    broker.recover();
    assert_eq!(broker.state(), BrokerState::Up);
    assert_eq!(broker.messages("q").iter().map(number).collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_publish_waits_for_a_broker_that_recovers_in_time() {
    let (broker, _) = server(QueueKind::Quorum);
    for stop in [MemoryBroker::block, MemoryBroker::go_down] {
        stop(&broker, "for a moment");
        let start = tokio::time::Instant::now();
        let later = tokio::time::sleep(Duration::from_secs(1));
        let (published, ()) = tokio::join!(broker.publish(numbered(1)), async {
            later.await;
            broker.recover();
        });
        published.expect("it recovered");
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
    assert_eq!(broker.depth("q"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_publish_to_a_broker_that_is_away_fails_and_stores_nothing() {
    let (broker, _) = server(QueueKind::Quorum);
    let broker = broker.with_confirm_timeout(Duration::from_millis(10));
    broker.go_down("no route to host");
    let error = broker.publish(numbered(1)).await.expect_err("it is away");
    assert!(error.is_unavailable(), "{error:?}");
    broker.recover();
    assert_eq!(broker.depth("q"), 0);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_outlive_a_broker_that_goes_away() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=3);
    let mut deliveries = consume(&broker, &spec, 2);
    let held = take(&mut deliveries, 1).remove(0);
    broker.go_down("restart");
    assert!(!held.is_live());
    assert!(!settle(held, Settlement::Ack));
    assert!(deliveries.next().now_or_never().is_none());
    assert!(broker.subscribe(&spec, 1).now_or_never().is_none(), "a broker that is away is waited for");
    broker.recover();
    let again = take(&mut deliveries, 2);
    assert_eq!(numbers(&again), [1, 2]);
    assert!(again.iter().all(|delivery| delivery.redelivered && delivery.is_live()));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_empty_queue_ends_with_the_last_ack() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=2);
    let mut deliveries = consume(&broker, &spec, 1);
    let worker = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(settle(take(&mut deliveries, 1).remove(0), Settlement::Ack));
        }
    };
    tokio::join!(in_time(broker.drained("q")), worker);
    assert_eq!(broker.tally("q").acked, 2);
}
