//! Who waits is woken.

use super::*;

/// Waits for the next delivery, and only then lets something happen.
async fn woken_by(subscription: &mut MemorySubscription, happens: impl FnOnce()) -> Option<Delivery> {
    let (delivery, ()) = tokio::join!(in_time(subscription.next()), async { happens() });
    delivery
}

#[tokio::test(start_paused = true)]
async fn by_a_publish() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 1);
    let delivery = woken_by(&mut deliveries, || publish(&broker, [1])).await;
    assert_eq!(delivery.map(|delivery| number(&delivery.message)), Some(1));
}

#[tokio::test(start_paused = true)]
async fn by_an_ack_that_makes_room() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 1);
    publish(&broker, [1, 2]);
    let held = take(&mut deliveries, 1).remove(0);
    let delivery = woken_by(&mut deliveries, || assert!(settle(held, Settlement::Ack))).await;
    assert_eq!(delivery.map(|delivery| number(&delivery.message)), Some(2));
}

#[tokio::test(start_paused = true)]
async fn by_the_death_of_another_consumer() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut dying = consume(&broker.connect(), &spec, 1);
    publish(&broker, [1]);
    let mut deliveries = consume(&broker, &spec, 1);
    let held = take(&mut dying, 1);
    let delivery = woken_by(&mut deliveries, || drop((dying, held))).await;
    assert!(delivery.is_some_and(|delivery| delivery.redelivered));
}

#[tokio::test(start_paused = true)]
async fn by_a_cut_of_its_own_channel() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 1);
    publish(&broker, [1]);
    let _held = take(&mut deliveries, 1);
    let delivery = woken_by(&mut deliveries, || assert_eq!(broker.cut("q"), 1)).await;
    assert!(delivery.is_some_and(|delivery| delivery.redelivered));
}

#[tokio::test(start_paused = true)]
async fn by_the_return_of_the_broker() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 1);
    publish(&broker, [1]);
    broker.go_down("restart");
    let connection = broker.connect();
    let subscribing = tokio::spawn(async move { connection.subscribe(&spec, 1).await.is_ok() });
    tokio::task::yield_now().await;
    let delivery = woken_by(&mut deliveries, || broker.recover()).await;
    assert!(delivery.is_some_and(|delivery| delivery.redelivered));
    assert!(in_time(subscribing).await.expect("it does not panic"));
}

#[tokio::test(start_paused = true)]
async fn by_a_close() {
    let (broker, spec) = server(QueueKind::Quorum);
    let mut deliveries = consume(&broker, &spec, 1);
    assert!(woken_by(&mut deliveries, || now(broker.close())).await.is_none());
}
