//! Where a message goes that comes back: each case was seen to go like this on RabbitMQ 3.10.

use super::*;

/// 1 to 5 are with a consumer that takes no more, and 4 then 2 are requeued.
fn requeue_four_then_two(kind: QueueKind) -> (MemoryBroker, Vec<Delivery>, MemorySubscription) {
    let (broker, spec) = server(kind);
    publish(&broker, 1..=6);
    let mut first = consume(&broker, &spec, 5);
    let mut held = take(&mut first, 5);
    now(first.cancel());
    assert!(settle(held.remove(3), Settlement::Requeue));
    assert!(settle(held.remove(1), Settlement::Requeue));
    let second = consume(&broker, &spec, 10);
    (broker, held, second)
}

#[test]
fn a_quorum_queue_gives_out_first_what_came_back_first() {
    let (_broker, _held, mut second) = requeue_four_then_two(QueueKind::Quorum);
    assert_eq!(numbers(&take(&mut second, 9)), [4, 2, 6]);
}

#[test]
fn a_classic_queue_restores_the_order() {
    let (_broker, _held, mut second) = requeue_four_then_two(QueueKind::Classic);
    assert_eq!(numbers(&take(&mut second, 9)), [2, 4, 6]);
}

/// The consumer of 3 and 4 dies while the one of 1 and 2 is full, then that one dies too.
fn two_deaths(kind: QueueKind) -> Vec<u32> {
    let (broker, spec) = server(kind);
    publish(&broker, 1..=6);
    let mut connections = [broker.connect(), broker.connect()].map(|connection| {
        let mut subscription = consume(&connection, &spec, 2);
        let held = take(&mut subscription, 2);
        (connection, subscription, held)
    });
    connections.reverse();
    for (connection, _, _) in &connections {
        now(connection.close());
    }
    numbers(&take(&mut consume(&broker, &spec, 10), 9))
}

#[test]
fn two_dead_consumers_of_a_quorum_queue_return_in_the_order_of_their_deaths() {
    assert_eq!(two_deaths(QueueKind::Quorum), [3, 4, 1, 2, 5, 6]);
}

#[test]
fn two_dead_consumers_of_a_classic_queue_return_in_the_order_of_the_queue() {
    assert_eq!(two_deaths(QueueKind::Classic), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn prefetched_messages_count_as_delivered_when_their_channel_dies() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=3);
    let mut deliveries = consume(&broker, &spec, 2);
    assert_eq!(numbers(&take(&mut deliveries, 1)), [1]);
    broker.cut("q");
    let counts: Vec<_> = take(&mut deliveries, 2)
        .iter()
        .map(|delivery| delivery.message.headers.get("x-delivery-count").cloned())
        .collect();
    assert_eq!(counts, [Some(1_i64.into()), Some(1_i64.into())]);
}

#[test]
fn consumers_take_turns() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut first = consume(&broker, &spec, 10);
    let mut second = consume(&broker, &spec, 10);
    publish(&broker, 1..=6);
    assert_eq!(numbers(&take(&mut first, 9)), [1, 3, 5]);
    assert_eq!(numbers(&take(&mut second, 9)), [2, 4, 6]);
}

#[test]
fn a_full_consumer_loses_its_turn() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut slow = consume(&broker, &spec, 1);
    let mut fast = consume(&broker, &spec, 10);
    publish(&broker, 1..=6);
    assert_eq!(numbers(&take(&mut slow, 9)), [1]);
    assert_eq!(numbers(&take(&mut fast, 9)), [2, 3, 4, 5, 6]);
}

#[test]
fn no_prefetch_means_no_limit() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=1000);
    let _consumer = consume(&broker, &spec, 0);
    assert_eq!((broker.depth("q"), broker.unacked("q")), (0, 1000));
}

#[test]
fn a_look_at_a_queue_takes_nothing_and_a_purge_leaves_what_is_unacked() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=5);
    let mut deliveries = consume(&broker, &spec, 2);
    let mut held = take(&mut deliveries, 2);
    assert!(settle(held.remove(0), Settlement::Requeue));
    now(deliveries.cancel());
    drop(deliveries);
    let waiting: Vec<_> = broker.messages("q").iter().map(number).collect();
    assert_eq!(waiting, [1, 3, 4, 5]);
    assert_eq!(broker.purge("q"), 4);
    assert_eq!((broker.depth("q"), broker.unacked("q"), broker.tally("q").purged), (0, 1, 4));
    assert!(settle(held.remove(0), Settlement::Ack));
}

#[test]
fn a_forgotten_delivery_comes_back_when_nothing_holds_its_channel() {
    let (broker, spec) = server(QueueKind::Quorum);
    publish(&broker, 1..=2);
    let mut deliveries = consume(&broker, &spec, 2);
    let mut held = take(&mut deliveries, 2);
    drop(deliveries);
    assert!(settle(held.remove(0), Settlement::Ack));
    assert_eq!((broker.depth("q"), broker.unacked("q")), (0, 1));
    drop(held);
    assert_eq!((broker.depth("q"), broker.unacked("q")), (1, 0));
}

#[test]
fn a_message_that_dies_again_is_counted_in_one_entry() {
    let spec = QueueSpec { delivery_limit: 0, ..QueueSpec::new("q") };
    let broker = MemoryBroker::new();
    now(broker.prepare(std::slice::from_ref(&spec))).expect("a new queue can be declared");
    publish(&broker, [1]);
    for count in 1..=3_i64 {
        let poison = take(&mut consume(&broker, &spec, 1), 1).remove(0);
        assert!(settle(poison, Settlement::Requeue));
        let letter = broker.messages("q.dlq").remove(0);
        broker.purge("q.dlq");
        let Some(crate::message::HeaderValue::Array(deaths)) = letter.headers.get("x-death") else {
            panic!("a dead letter has `x-death`")
        };
        let [crate::message::HeaderValue::Table(death)] = deaths.as_slice() else {
            panic!("one entry for each queue")
        };
        assert_eq!(death.get("count"), Some(&count.into()));
        now(broker.publish(Publication { message: letter, ..numbered(1) })).expect("the queue is there");
    }
    assert_eq!(broker.tally("q").dead_lettered, 3);
}
