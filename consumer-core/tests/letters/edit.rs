//! Letters that are repaired by hand.

use consumer_core::{
    message::{HeaderValue, Reason},
    operate::{Edited, Redrive, Refusal},
};

use crate::{
    DAY, SECOND,
    ledger::Repair,
    stage::{BODY, DEAD, QUEUE, Stage, event, letter, message},
};

const REPAIRED: &str = r#"{"cents":2}"#;

async fn edit(stage: &Stage, id: &str, body: &'static str) -> Edited {
    stage.person().edit(id, body.into(), &Redrive::default()).await.expect("edited")
}

fn new_id(edited: &Edited) -> &str {
    match edited {
        Edited::Redriven { id, .. } => id,
        other => panic!("not redriven: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_another_event_that_says_which_it_was() {
    let stage = Stage::new().await;
    stage.bury("other", Reason::Permanent, SECOND).await;
    stage.bury("evt-1", Reason::Undecodable, SECOND).await;
    let edited = edit(&stage, "evt-1", REPAIRED).await;
    let id = new_id(&edited);
    assert_eq!(
        (stage.settled(DEAD).await, stage.ids(QUEUE)),
        (vec!["other".to_owned()], vec![id.to_owned()])
    );
    let message = &stage.broker.messages(QUEUE)[0];
    assert_eq!(message.body, REPAIRED);
    assert_eq!(message.headers.text("x-consumer-edited-from"), Some("evt-1"));
    assert!(stage.record("evt-1").await.is_none() && stage.record("other").await.is_some());
    assert_eq!(edited, Edited::Redriven { id: id.to_owned(), queue: QUEUE.to_owned(), warnings: vec![] });
    assert_eq!(uuid_version(id), Some(7));

    stage.start(&Repair::done()).await;
    stage.broker.drained(QUEUE).await;
    assert_eq!(stage.store.committed(), [id]);
}

fn uuid_version(id: &str) -> Option<u32> {
    id.chars().nth(14)?.to_digit(10)
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_a_crash_has_cut_short_takes_effect_once_when_it_is_repeated() {
    let stage = Stage::new().await;
    let dead = letter("evt-1", Reason::Undecodable, SECOND);
    stage.publish(DEAD, dead.clone()).await;
    let first = edit(&stage, "evt-1", REPAIRED).await;
    // The ack was lost.
    stage.publish(DEAD, dead.clone()).await;
    let again = edit(&stage, "evt-1", REPAIRED).await;
    assert_eq!(new_id(&first), new_id(&again));
    stage.publish(DEAD, dead).await;
    let other = edit(&stage, "evt-1", r#"{"cents":3}"#).await;
    assert_ne!(new_id(&first), new_id(&other));
}

#[tokio::test(start_paused = true)]
async fn what_was_processed_is_not_edited_but_where_the_claim_is_another_events() {
    let stage = Stage::new().await;
    for (id, reason) in
        [("done", Reason::Permanent), ("half", Reason::TransactionEnded), ("reused", Reason::IdReused)]
    {
        stage.bury(id, reason, SECOND).await;
        stage.process(id, r#"{"cents":9}"#).await;
    }
    stage.bury("old", Reason::Permanent, 8 * DAY).await;
    assert_eq!(edit(&stage, "done", REPAIRED).await, Edited::Refused(Refusal::Processed));
    assert_eq!(edit(&stage, "half", REPAIRED).await, Edited::Refused(Refusal::Processed));
    assert_eq!(edit(&stage, "old", REPAIRED).await, Edited::Refused(Refusal::TooOld));
    assert_eq!(edit(&stage, "missing", REPAIRED).await, Edited::NotFound);
    let reused = edit(&stage, "reused", BODY).await;
    let mut left = stage.settled(DEAD).await;
    left.sort();
    assert_eq!(
        (left, stage.ids(QUEUE)),
        (vec!["done".to_owned(), "half".to_owned(), "old".to_owned()], vec![new_id(&reused).to_owned()])
    );
    let forced = Redrive { force: true, ..Redrive::default() };
    let old = stage.person().edit("old", REPAIRED.into(), &forced).await.expect("edited");
    assert!(matches!(old, Edited::Redriven { warnings, .. } if warnings[0].contains("second effect")));
}

/// Another event has keys of its own, for which the provider charges again.
#[tokio::test(start_paused = true)]
async fn a_letter_whose_effects_are_done_becomes_another_event_by_force_alone() {
    let stage = Stage::new().await;
    for header in ["x-consumer-effects-done", "x-consumer-effects-unknown"] {
        let mut dead = letter("evt-1", Reason::EffectFailed, SECOND);
        dead.headers.insert(header, "charge");
        stage.publish(DEAD, dead).await;
        assert_eq!(edit(&stage, "evt-1", REPAIRED).await, Edited::Refused(Refusal::EffectsDone));
        let forced = Redrive { force: true, ..Redrive::default() };
        let edited = stage.person().edit("evt-1", REPAIRED.into(), &forced).await.expect("edited");
        assert!(matches!(edited, Edited::Redriven { warnings, .. } if warnings[0].contains("called again")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_holds_the_old_id_is_warned_of() {
    let stage = Stage::new().await;
    stage.bury("evt-1", Reason::Undecodable, SECOND).await;
    let options = Redrive { dry_run: true, ..Redrive::default() };
    let body = r#"{"id":"evt-1","cents":2}"#;
    let edited = stage.person().edit("evt-1", body.into(), &options).await.expect("counted");
    let Edited::Redriven { warnings, .. } = edited else { panic!("{edited:?}") };
    assert!(warnings.len() == 1 && warnings[0].contains("`evt-1`"), "{warnings:?}");
    assert_eq!(
        (stage.settled(DEAD).await, stage.ids(QUEUE)),
        (vec!["evt-1".to_owned()], vec![]),
        "a dry run"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_could_read_leaves_the_letter_where_it_is() {
    let stage = Stage::new().await;
    let mut dead = letter("evt-1", Reason::Undecodable, SECOND);
    dead.properties.content_type = Some("application/cloudevents+json".to_owned());
    stage.publish(DEAD, dead).await;
    let error = stage.person().edit("evt-1", "{}".into(), &Redrive::default()).await.expect_err("unreadable");
    assert!(error.is_settings() && error.to_string().contains("specversion"), "{error}");
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (vec!["evt-1".to_owned()], vec![]));
}

/// Its broker's headers are those of a message that nobody has read.
#[tokio::test(start_paused = true)]
async fn what_the_broker_gave_up_can_be_edited_too() {
    let stage = Stage::new().await;
    let mut dead = message("evt-1", BODY);
    dead.headers.insert("x-first-death-queue", QUEUE);
    dead.headers.insert("x-death", HeaderValue::Array(vec![]));
    stage.publish(DEAD, dead).await;
    let forced = Redrive { force: true, ..Redrive::default() };
    let edited = stage.person().edit("evt-1", REPAIRED.into(), &forced).await.expect("edited");
    assert_ne!(event(new_id(&edited)), event("evt-1"));
}
