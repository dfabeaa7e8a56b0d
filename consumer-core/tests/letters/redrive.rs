//! What a redrive does to each letter, and what it leaves alone.

use std::{num::NonZeroU32, time::Duration};

use consumer_core::{
    broker::{Broker, QueueSpec, Subscription},
    failure::FailureState,
    message::Reason,
    operate::{LetterFilter, Redrive},
    testing::{Fault, Step},
};
use tokio::time::Instant;

use crate::{
    DAY, SECOND,
    ledger::Repair,
    stage::{BODY, DEAD, QUEUE, Stage, message, wait},
};

fn all() -> LetterFilter {
    LetterFilter::default()
}

fn at(rate: u32) -> Redrive {
    Redrive { per_second: NonZeroU32::new(rate), ..Redrive::default() }
}

#[tokio::test(start_paused = true)]
async fn letters_go_back_in_their_order_under_their_ids_and_begin_anew() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(20).await;
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("redriven");
    assert_eq!((done.redriven, done.looked_at, done.is_complete()), (20, 20, true), "{done:?}");
    assert_eq!(stage.settled(DEAD).await, [""; 0]);
    assert_eq!(stage.ids(QUEUE), ids);
    for message in stage.broker.messages(QUEUE) {
        assert_eq!(message.headers.text("x-consumer-reason"), None);
        assert_eq!(message.body, BODY);
    }
    let record = stage.record("evt-00007").await.expect("a record");
    assert_eq!((record.state, record.generation, record.attempts), (FailureState::Redriven, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_redriven_takes_effect_once() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(20).await;
    stage.start(&Repair::done()).await;
    stage.person().redrive(&all(), &Redrive::default()).await.expect("redriven");
    stage.broker.drained(QUEUE).await;
    let mut committed = stage.store.committed();
    committed.sort();
    assert_eq!(committed, ids);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_meant_stays_in_its_order() {
    let stage = Stage::new().await;
    for number in 0..600 {
        let reason = if number % 100 == 50 { Reason::Undecodable } else { Reason::Permanent };
        stage.bury(&format!("evt-{number:05}"), reason, SECOND).await;
    }
    let undecodable = LetterFilter { reasons: vec!["undecodable".to_owned()], limit: Some(4), ..all() };
    let done = stage.person().redrive(&undecodable, &Redrive::default()).await.expect("redriven");
    assert_eq!((done.redriven, done.looked_at), (4, 351), "{done:?}");
    let redriven = [50, 150, 250, 350].map(|number| format!("evt-{number:05}"));
    assert_eq!(stage.ids(QUEUE), redriven);
    let mut left = stage.settled(DEAD).await;
    assert_eq!(left[0], "evt-00000", "what was looked at goes back in front");
    left.sort();
    let all = (0..600).map(|number| format!("evt-{number:05}"));
    assert_eq!(left, all.filter(|id| !redriven.contains(id)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_touches_nothing() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(3).await;
    stage.bury("old", Reason::Permanent, 8 * DAY).await;
    stage.bury("done", Reason::Permanent, SECOND).await;
    stage.process("done", BODY).await;
    let options = Redrive { dry_run: true, discard_processed: true, ..Redrive::default() };
    let done = stage.person().redrive(&all(), &options).await.expect("counted");
    assert_eq!((done.redriven, done.discarded, done.too_old), (3, 1, 1), "{done:?}");
    let mut expected = ids;
    expected.extend(["old", "done"].map(str::to_owned));
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (expected, vec![]));
    let record = stage.record("evt-00000").await.expect("a record");
    assert_eq!((record.state, record.attempts), (FailureState::Dead, 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_processed_meanwhile_stays() {
    let stage = Stage::new().await;
    let forced = Redrive { force: true, ..Redrive::default() };
    stage.bury("done", Reason::Permanent, 8 * DAY).await;
    stage.process("done", BODY).await;
    for options in [Redrive::default(), forced] {
        let done = stage.person().redrive(&all(), &options).await.expect("refused");
        assert_eq!((done.processed, done.redriven, done.is_complete()), (1, 0, false));
    }
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (vec!["done".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn of_what_was_processed_only_proven_duplicates_are_discarded() {
    let stage = Stage::new().await;
    let letters = [
        ("duplicate", Reason::AttemptsExhausted, BODY),
        ("another", Reason::AttemptsExhausted, r#"{"cents":2}"#),
        ("half", Reason::TransactionEnded, BODY),
        ("reused", Reason::IdReused, r#"{"cents":3}"#),
    ];
    for (id, reason, processed) in letters {
        stage.bury(id, reason, SECOND).await;
        stage.process(id, processed).await;
    }
    let options = Redrive { discard_processed: true, ..Redrive::default() };
    let done = stage.person().redrive(&all(), &options).await.expect("discarded");
    assert_eq!((done.discarded, done.processed), (1, 3), "{done:?}");
    assert_eq!(stage.settled(DEAD).await, ["another", "half", "reused"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_its_claim_would_be_goes_back_by_force_alone() {
    let stage = Stage::new().await;
    stage.bury("old", Reason::Permanent, 7 * DAY + SECOND).await;
    stage.bury("young", Reason::Permanent, 7 * DAY - 60 * SECOND).await;
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("redriven");
    assert_eq!((done.redriven, done.too_old), (1, 1), "{done:?}");
    assert_eq!(stage.settled(DEAD).await, ["old"]);
    let forced = Redrive { force: true, ..Redrive::default() };
    let done = stage.person().redrive(&all(), &forced).await.expect("redriven");
    assert_eq!((done.redriven, done.although_old), (1, 1), "{done:?}");
    assert_eq!(stage.ids(QUEUE), ["young", "old"]);
}

#[tokio::test(start_paused = true)]
async fn letters_that_fail_again_are_not_redriven_again() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(20).await;
    stage.start(&Repair::default()).await;
    let done = stage.person().redrive(&all(), &at(1)).await.expect("redriven");
    assert_eq!((done.redriven, done.looked_at), (20, 20), "{done:?}");
    stage.broker.drained(QUEUE).await;
    assert_eq!(stage.settled(DEAD).await, ids, "each has failed once more");
}

/// Others take letters away meanwhile, so that those that come back are among the first so many.
#[tokio::test(start_paused = true)]
async fn letters_that_fail_again_are_not_redriven_again_where_others_have_left() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(300).await;
    stage.start(&Repair::default()).await;
    let person = stage.person();
    let redriving = tokio::spawn(async move { person.redrive(&all(), &at(100)).await });
    wait("the redrive", || stage.broker.unacked(DEAD) == 256).await;
    let mut other = stage.broker.connect().subscribe(&QueueSpec::new(DEAD), 44).await.expect("subscribed");
    let mut taken = Vec::new();
    for _ in 0..44 {
        taken.push(other.next().await.expect("a letter"));
    }
    let done = redriving.await.expect("no panic").expect("redriven");
    assert!(done.looked_at == 300 && done.skipped > 0, "{done:?}");
    for id in ids {
        let record = stage.record(&id).await.expect("a record");
        assert!(record.generation <= 2, "{id} was redriven twice: {record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_keeps_to_its_rate() {
    let stage = Stage::new().await;
    stage.bury_all(51).await;
    let begun = Instant::now();
    stage.person().redrive(&all(), &at(10)).await.expect("redriven");
    let took = begun.elapsed();
    assert!((5 * SECOND..6 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_stops_the_redrive_and_loses_nothing() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(20).await;
    let person = stage.person();
    let redriving = tokio::spawn(async move { person.redrive(&all(), &at(1)).await });
    wait("some to be redriven", || stage.ids(QUEUE).len() == 5).await;
    stage.broker.block("no memory left");
    let done = redriving.await.expect("no panic").expect("begun");
    assert_eq!(done.redriven, 5);
    assert!(done.stopped.as_ref().is_some_and(|error| error.to_string().contains("memory")), "{done:?}");
    assert_eq!((stage.ids(QUEUE), stage.settled(DEAD).await), (ids[..5].to_vec(), ids[5..].to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_stops_the_redrive_before_the_publish() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(3).await;
    stage.store.fail(Step::ClearRun, Fault::Lost);
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("begun");
    assert!(done.redriven == 0 && done.stopped.is_some(), "{done:?}");
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (ids, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_missing_stops_the_redrive() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(2).await;
    let options = Redrive { to: Some("nowhere".to_owned()), ..Redrive::default() };
    let done = stage.person().redrive(&all(), &options).await.expect("begun");
    assert!(done.stopped.is_some_and(|error| error.is_unroutable()));
    assert_eq!(stage.settled(DEAD).await, ids);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_that_is_missing_is_said() {
    let stage = Stage::new().await;
    let letters = consumer_core::operate::DeadLetters::new(stage.store, stage.broker, "nothing.dlq");
    let error = letters.redrive(&all(), &Redrive::default()).await.expect_err("no queue");
    assert!(error.is_topology() && error.to_string().contains("nothing.dlq"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_killed_its_process_may_do_so_again() {
    use consumer_core::{
        failure::{RunnerId, message_key},
        storage::FailureStorage,
    };
    let stage = Stage::new().await;
    stage.bury("a", Reason::KilledProcess, SECOND).await;
    let (mut session, key) = (stage.session().await, message_key(&message("a", BODY)));
    let mut deaths = 0;
    for _ in 0..3 {
        let marked = stage.store.mark_run(&mut session, stage.ledger, key, RunnerId::random(), true).await;
        deaths = marked.expect("marked");
    }
    assert_eq!(deaths, 2);
    stage.person().redrive(&all(), &Redrive::default()).await.expect("redriven");
    let marked = stage.store.mark_run(&mut session, stage.ledger, key, RunnerId::random(), true).await;
    assert_eq!(marked.expect("marked"), 0, "its deaths are counted anew");
}

#[tokio::test(start_paused = true)]
async fn a_discard_takes_letters_and_their_records_away() {
    let stage = Stage::new().await;
    stage.bury("a", Reason::Permanent, SECOND).await;
    stage.bury("b", Reason::TransactionEnded, SECOND).await;
    let filter = LetterFilter::of("b");
    let done = stage.person().discard(&filter).await.expect("discarded");
    assert_eq!((done.discarded, done.looked_at), (1, 2), "{done:?}");
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (vec!["a".to_owned()], vec![]));
    assert!(stage.record("a").await.is_some() && stage.record("b").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_redrive_of_nothing_ends_at_once() {
    let stage = Stage::new().await;
    let begun = Instant::now();
    let done = stage.person().redrive(&all(), &Redrive::default()).await.expect("nothing");
    assert!(done.is_complete() && done.looked_at == 0 && begun.elapsed() == Duration::ZERO, "{done:?}");
}
