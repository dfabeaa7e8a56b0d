//! Chaos: every fault fires, is counted, and loses nothing.

use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::memory::{Chaos, Faults, Tally};

const MESSAGES: u32 = 500;

fn everything(seed: u64) -> Chaos {
    let longest = Duration::from_millis(50);
    Chaos::new(seed).duplicate(0.05).unconfirmed(0.05).reorder(8).delay(0.2, longest).cut(0.05)
}

/// Publishes with retries, consumes until nothing is left, and returns what was acked, in order.
async fn a_day(chaos: Chaos, prefetch: u16) -> (MemoryBroker, Vec<u32>) {
    let (broker, spec) = server(QueueKind::Quorum);
    broker.unleash(chaos);
    let mut acked = Vec::new();
    tokio::join!(publish_all(&broker), async {
        let mut deliveries = consume(&broker, &spec, prefetch);
        while broker.tally("q").published < MESSAGES.into() || broker.depth("q") + broker.unacked("q") > 0 {
            let delivery = in_time(deliveries.next()).await.expect("not cancelled");
            tokio::task::yield_now().await;
            let number = number(&delivery.message);
            if settle(delivery, Settlement::Ack) {
                acked.push(number);
            }
        }
    });
    (broker, acked)
}

async fn publish_all(broker: &MemoryBroker) {
    for number in 0..MESSAGES {
        while let Err(error) = broker.publish(numbered(number)).await {
            assert!(error.is_unconfirmed(), "{error:?}");
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn loses_nothing_and_every_fault_fires() {
    for seed in 0..20 {
        let (broker, acked) = a_day(everything(seed), 10).await;
        let distinct: BTreeSet<_> = acked.iter().copied().collect();
        assert_eq!(distinct, (0..MESSAGES).collect(), "seed {seed}");
        let Faults { duplicated, unconfirmed, reordered, delayed, cut } = broker.faults();
        let fired = [duplicated, unconfirmed, reordered, delayed, cut];
        assert!(fired.iter().all(|count| *count > 0), "seed {seed}: {fired:?}");
        let Tally { published, acked: settled, returned, .. } = broker.tally("q");
        assert_eq!((settled, published), (acked.len() as u64, acked.len() as u64), "seed {seed}");
        assert!(published > u64::from(MESSAGES) && returned > 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_does_the_same_harm() {
    let (first, first_acked) = a_day(everything(7), 10).await;
    let (second, second_acked) = a_day(everything(7), 10).await;
    assert_eq!((first.faults(), first.tally("q")), (second.faults(), second.tally("q")));
    assert_eq!(first_acked, second_acked);
    let (other, _) = a_day(everything(8), 10).await;
    assert_ne!(first.faults(), other.faults());
}

#[test]
fn a_duplicate_is_a_second_message_with_the_same_id() {
    let (broker, spec) = server(QueueKind::Quorum);
    broker.unleash(Chaos::new(1).duplicate(1.0));
    publish(&broker, [1]);
    broker.calm();
    publish(&broker, [2]);
    let deliveries = take(&mut consume(&broker, &spec, 10), 9);
    assert_eq!(numbers(&deliveries), [1, 1, 2]);
    assert!(deliveries.iter().all(|delivery| !delivery.redelivered));
    assert_eq!(deliveries[0].message.properties, deliveries[1].message.properties);
    assert_eq!(broker.faults().duplicated, 1);
}

#[test]
fn a_message_overtakes_no_more_than_its_window_in_the_queue_and_on_the_channel() {
    let (broker, spec) = server(QueueKind::Quorum);
    broker.unleash(Chaos::new(1).reorder(4));
    publish(&broker, 0..100);
    let received = numbers(&take(&mut consume(&broker, &spec, 1), 1));
    assert!(received[0] < 4);
    let (broker, spec) = server(QueueKind::Quorum);
    broker.unleash(Chaos::new(1).reorder(4));
    publish(&broker, 0..100);
    let received = numbers(&take(&mut consume(&broker, &spec, 0), 100));
    assert!(!received.is_sorted());
    let earliest = |index: usize| received[index] as usize <= index + 6;
    assert!((0..100).all(earliest), "{received:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_wakes_its_consumer_when_it_is_due() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 10);
    let start = tokio::time::Instant::now();
    let longest = Duration::from_secs(20);
    let (delivery, ()) = tokio::join!(in_time(deliveries.next()), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.unleash(Chaos::new(1).delay(1.0, longest));
        publish(&broker, [1]);
        assert_eq!((broker.depth("q"), broker.unacked("q")), (1, 0));
    });
    assert!(delivery.is_some());
    let waited = start.elapsed();
    assert!(Duration::from_secs(1) < waited && waited <= Duration::from_secs(21), "{waited:?}");
    assert_eq!(broker.faults().delayed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_finds_a_consumer_although_another_one_is_full() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, [1]);
    let mut full = consume(&broker, &spec, 1);
    let held = take(&mut full, 1);
    let mut free = consume(&broker, &spec, 1);
    broker.unleash(Chaos::new(1).delay(1.0, Duration::from_secs(20)));
    let (delivery, ()) = tokio::join!(in_time(free.next()), async { publish(&broker, [2]) });
    assert_eq!(delivery.map(|delivery| number(&delivery.message)), Some(2));
    drop(held);
}

#[test]
fn a_cut_kills_the_channel_as_a_delivery_is_handed_out_or_before_it_is_settled() {
    let (mut at_hand_out, mut at_settlement) = (0, 0);
    for seed in 0..100 {
        let (broker, spec) = server(QueueKind::Quorum);
        publish(&broker, [1]);
        broker.unleash(Chaos::new(seed).cut(1.0));
        let delivery = take(&mut consume(&broker, &spec, 1), 1).remove(0);
        let live = delivery.is_live();
        let sent = settle(delivery, Settlement::Ack);
        assert_eq!(broker.depth("q") + broker.unacked("q"), usize::from(!sent));
        at_hand_out += u32::from(!live);
        at_settlement += u32::from(live && !sent);
    }
    assert!(at_hand_out > 25 && at_settlement > 10, "{at_hand_out} {at_settlement}");
}

#[test]
fn half_of_the_unconfirmed_publishes_are_stored() {
    let (broker, _) = server(QueueKind::Quorum);
    broker.unleash(Chaos::new(1).unconfirmed(1.0));
    for number in 0..100 {
        assert!(now(broker.publish(numbered(number))).is_err_and(|error| error.is_unconfirmed()));
    }
    assert_eq!(broker.faults().unconfirmed, 100);
    assert!((25..75).contains(&broker.depth("q")), "{}", broker.depth("q"));
}
