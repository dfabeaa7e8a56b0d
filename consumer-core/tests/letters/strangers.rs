//! Letters that we have not written.

use consumer_core::{
    broker::{Broker, QueueSpec, Settlement, Subscription},
    message::{Message, Reason},
    operate::{LetterFilter, Redrive},
};

use crate::{
    SECOND,
    stage::{BODY, DEAD, QUEUE, Stage, letter, message},
};

fn all() -> LetterFilter {
    LetterFilter::default()
}

/// A publisher who may write to the dead-letter queue, and now has a person publish for him.
#[tokio::test(start_paused = true)]
async fn a_forged_letter_goes_to_no_queue_that_its_consumer_does_not_consume() {
    let stage = Stage::new().await;
    stage.broker.prepare(&[QueueSpec::new("admin")]).await.expect("a queue");
    let mut forged = Vec::new();
    for (name, queue) in [("ledger", "admin"), ("nobody", QUEUE), ("ledger", "")] {
        let mut message = letter("evt-1", Reason::Permanent, SECOND);
        message.headers.insert("x-consumer-name", name);
        message.headers.insert("x-consumer-queue", queue);
        forged.push(message.clone());
        stage.publish(DEAD, message).await;
    }
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("refused");
    assert_eq!((done.failed, done.redriven), (3, 0), "{done:?}");
    assert!(done.problems[0].contains("queue `admin`"), "{done:?}");
    assert_eq!((stage.settled(DEAD).await.len(), stage.ids("admin"), stage.ids(QUEUE)), (3, vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_forged_letter_cannot_have_another_event_taken_for_processed() {
    let stage = Stage::new().await;
    stage.process("done", BODY).await;
    let mut forged = letter("fresh", Reason::Permanent, SECOND);
    forged.body = r#"{"cents":7}"#.into();
    let key = letter("done", Reason::Permanent, SECOND).headers.text("x-consumer-key").map(str::to_owned);
    forged.headers.insert("x-consumer-key", key.expect("a key"));
    stage.publish(DEAD, forged).await;
    let options = Redrive { discard_processed: true, ..Redrive::default() };
    let done = stage.person().redrive(&all(), &options).await.expect("refused");
    assert_eq!((done.discarded, done.processed), (0, 1), "{done:?}");
    assert_eq!(stage.settled(DEAD).await, ["fresh"], "it stays for a person");
}

#[tokio::test(start_paused = true)]
async fn a_letter_from_the_future_is_left_alone() {
    let stage = Stage::new().await;
    let mut forged = letter("evt-1", Reason::Permanent, SECOND);
    forged.headers.insert("x-consumer-dead-at", i64::MAX);
    stage.publish(DEAD, forged).await;
    let forced = Redrive { force: true, ..Redrive::default() };
    let done = stage.person().redrive(&all(), &forced).await.expect("skipped");
    assert_eq!((done.skipped, done.redriven), (1, 0), "{done:?}");
}

/// Such as a publisher's mistake. It says neither whose it is nor when it came.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_letter_goes_where_a_person_says() {
    let stage = Stage::new().await;
    stage.publish(DEAD, message("evt-1", BODY)).await;
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("refused");
    assert!(done.failed == 1 && done.problems[0].contains("whose it is"), "{done:?}");
    let mut options = Redrive { consumer: Some("ledger".to_owned()), ..Redrive::default() };
    let done = stage.person().redrive(&all(), &options).await.expect("refused");
    assert!(done.failed == 1 && done.problems[0].contains("which queue"), "{done:?}");
    options.to = Some(QUEUE.to_owned());
    let done = stage.person().redrive(&all(), &options).await.expect("refused");
    assert_eq!(done.too_old, 1, "nobody knows how old it is: {done:?}");
    options.force = true;
    let done = stage.person().redrive(&all(), &options).await.expect("redriven");
    assert_eq!((done.redriven, stage.ids(QUEUE)), (1, vec!["evt-1".to_owned()]), "{done:?}");
}

/// Dead-lettered by the broker's delivery limit, as it came: its properties would have the broker act.
#[tokio::test(start_paused = true)]
async fn what_the_broker_gave_up_goes_back_to_the_queue_it_died_in() {
    let stage = Stage::new().await;
    stage.broker.declare_exchange("shop", consumer_core::memory::ExchangeKind::Fanout);
    let spec = QueueSpec { delivery_limit: 1, ..QueueSpec::new("fragile") };
    stage.broker.prepare(std::slice::from_ref(&spec)).await.expect("a queue");
    let mut poison: Message = message("evt-1", BODY);
    poison.properties.user_id = Some("shop".to_owned());
    poison.headers.insert("x-consumer-queue", "forged");
    stage.publish("fragile", poison).await;
    let mut deliveries = stage.broker.subscribe(&spec, 1).await.expect("subscribed");
    for _ in 0..2 {
        let delivery = deliveries.next().await.expect("a delivery");
        delivery.settle(Settlement::Requeue, Box::new(|_| {}));
    }
    drop(deliveries);
    assert_eq!(stage.ids("fragile.dlq"), ["evt-1"]);
    let letters =
        consumer_core::operate::DeadLetters::new(stage.store.clone(), stage.broker.clone(), "fragile.dlq");
    let listing = letters.list(&all()).await.expect("a list");
    let letter = &listing.letters[0].letter;
    assert_eq!(
        (letter.reason.as_deref(), letter.queue.as_deref()),
        (Some("delivery-limit"), Some("fragile"))
    );
    let options = Redrive {
        force: true,
        consumer: Some("ledger".to_owned()),
        to: Some("fragile".to_owned()),
        ..Redrive::default()
    };
    let done = letters.redrive(&all(), &options).await.expect("redriven");
    assert_eq!(done.redriven, 1, "{done:?}");
    let redriven = &stage.broker.messages("fragile")[0];
    assert_eq!(redriven.properties.user_id, None);
    assert_eq!(redriven.headers.text("x-consumer-original-user-id"), Some("shop"));
    assert!(redriven.headers.get("x-death").is_none() && redriven.headers.get("x-consumer-queue").is_none());
}
