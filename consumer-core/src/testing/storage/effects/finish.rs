//! The ending of a call.

use std::time::Duration;

use super::desk::{Desk, LONG, RECEIPT, SHORT, again, done, sending, told};
use crate::{
    clock,
    departures::Departures,
    effect::{EffectState, Ending, MAX_ERROR, MAX_EVIDENCE, Recorded, Right},
    storage::Storage,
};

pub(super) async fn is_accepted_after_the_lease_if_nobody_started_anew<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, SHORT).await;
    clock::sleep(SHORT * 2).await;
    assert_eq!(desk.row(&intent).await.due_in, None, "the lease is over");
    assert_eq!(desk.finish(&leased, done("7")).await, Recorded::Accepted, "nobody else has called");
    let row = desk.row(&intent).await;
    assert_eq!((row.state, row.attempts, row.uncertain), (EffectState::Done, 1, false));
}

pub(super) async fn is_evidence_if_somebody_did<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let late = desk.ours(&intent, SHORT).await;
    let second = desk.soon_ours(&intent).await;
    assert_eq!(desk.finish(&late, done(r#"{"charge":"late"}"#)).await, Recorded::TooLate);
    let row = desk.row(&intent).await;
    assert_eq!((row.state, row.result.as_ref()), (EffectState::Started, None), "it changes nothing");
    let evidence = row.evidence.unwrap_or_default();
    assert!(evidence.contains(r#"{"charge":"late"}"#), "a person finds what it said: {evidence:?}");
    assert_eq!(desk.finish(&second, done("2")).await, Recorded::Accepted);
    assert_eq!(desk.finish(&late, Ending::Failed { error: "later".to_owned() }).await, Recorded::TooLate);
    let row = desk.row(&intent).await;
    assert_eq!((row.state, row.result.as_deref()), (EffectState::Done, Some(b"2".as_slice())));
    assert_eq!(row.evidence.unwrap_or_default().lines().count(), 2, "one line each");
}

pub(super) async fn told_twice_is_written_once<S: Storage>(desk: &Desk<S>) {
    let (intent, receipt) = (desk.before("1"), desk.after(RECEIPT, "1"));
    let leased = desk.ours(&intent, LONG).await;
    for _ in 0..2 {
        let recorded = desk.finish_sending(&leased, &done("7"), &sending(&[&receipt])).await;
        assert_eq!(recorded, Recorded::Accepted, "whoever never got the answer asks again");
    }
    let row = desk.row(&intent).await;
    assert_eq!((row.attempts, row.evidence), (1, None));
}

pub(super) async fn sends_away_what_it_says<S: Storage>(desk: &Desk<S>) {
    let (intent, receipt) = (desk.before("1"), desk.after(RECEIPT, "1"));
    let leased = desk.ours(&intent, LONG).await;
    let event = told();
    let departures = Departures { events: vec![event.clone()], ..sending(&[&receipt]) };
    assert_eq!(desk.finish_sending(&leased, &done("7"), &departures).await, Recorded::Accepted);
    assert_eq!(desk.published().await, [event.id]);
    let row = desk.row(&receipt).await;
    assert_eq!(
        (row.state, row.intent),
        (EffectState::Planned, receipt),
        "an ending and what it sends go together"
    );
}

pub(super) async fn too_late_sends_nothing_away<S: Storage>(desk: &Desk<S>) {
    let (intent, receipt) = (desk.before("1"), desk.after(RECEIPT, "1"));
    let late = desk.ours(&intent, SHORT).await;
    desk.soon_ours(&intent).await;
    let departures = Departures { events: vec![told()], ..sending(&[&receipt]) };
    assert_eq!(desk.finish_sending(&late, &done("7"), &departures).await, Recorded::TooLate);
    assert!(desk.published().await.is_empty());
    assert!(desk.find(&receipt).await.is_none(), "an ending that does not count must not send anything");
}

pub(super) async fn counts_calls_and_says_whether_there_is_a_doubt<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    for (attempts, before, after) in [(0, false, true), (1, true, false)] {
        let leased = desk.ours(&intent, LONG).await;
        assert_eq!((leased.attempts, leased.uncertain), (attempts, before));
        desk.finish(&leased, again(Duration::ZERO, after)).await;
    }
    let row = desk.row(&intent).await;
    assert_eq!((row.attempts, row.uncertain, row.state), (2, false, EffectState::Planned));
    assert_eq!(row.error.as_deref(), Some("the gateway is busy"));
    let leased = desk.ours(&intent, LONG).await;
    let unknown = Ending::Unknown { error: "who knows".to_owned() };
    assert_eq!(desk.finish(&leased, unknown).await, Recorded::Accepted);
    let right = Desk::start(&desk.there, &intent, LONG).await;
    assert_eq!(right, Right::Closed(EffectState::Unknown, "who knows".to_owned()));
    let row = desk.row(&intent).await;
    assert_eq!((row.attempts, row.due_in), (3, None), "nobody is to call it");
}

pub(super) async fn of_a_call_that_was_not_made_leaves_no_trace<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let first = desk.ours(&intent, LONG).await;
    assert_eq!(desk.finish(&first, Ending::Returned).await, Recorded::Accepted);
    let row = desk.row(&intent).await;
    assert_eq!((row.state, row.attempts, row.error), (EffectState::Planned, 0, None));
    let second = desk.ours(&intent, LONG).await;
    assert_eq!((second.attempts, second.uncertain, second.since_first), (0, false, None));
    desk.finish(&second, again(Duration::ZERO, true)).await;
    let third = desk.ours(&intent, LONG).await;
    desk.finish(&third, Ending::Returned).await;
    let fourth = desk.ours(&intent, SHORT).await;
    assert_eq!((fourth.attempts, fourth.uncertain), (1, true), "what came before it stays");
    assert!(fourth.since_first.is_some());
    desk.soon_ours(&intent).await;
    assert_eq!(desk.finish(&fourth, Ending::Returned).await, Recorded::TooLate);
    assert_eq!(desk.row(&intent).await.evidence, None, "a call that was not made proves nothing");
}

pub(super) async fn takes_texts_of_any_kind<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let mut late = Vec::new();
    for _ in 0..5 {
        let leased = desk.ours(&intent, SHORT).await;
        clock::sleep(SHORT * 2).await;
        late.push(leased);
    }
    let error = "ü\0\n' \\".repeat(MAX_ERROR);
    let last = desk.ours(&intent, LONG).await;
    for leased in &late {
        assert_eq!(desk.finish(leased, Ending::Failed { error: error.clone() }).await, Recorded::TooLate);
    }
    assert_eq!(desk.finish(&last, Ending::Failed { error }).await, Recorded::Accepted);
    let row = desk.row(&intent).await;
    let (error, evidence) = (row.error.unwrap_or_default(), row.evidence.unwrap_or_default());
    assert!(error.starts_with('ü') && error.len() <= MAX_ERROR, "{} bytes", error.len());
    let room = 4 * (MAX_ERROR / 2)..MAX_EVIDENCE + MAX_ERROR / 4;
    assert!(room.contains(&evidence.len()), "{} bytes of evidence", evidence.len());
}

pub(super) async fn renewed_keeps_others_out<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, SHORT).await;
    assert!(renew(desk, &leased).await, "a holder may hold on, even if its lease has run out");
    clock::sleep(SHORT * 2).await;
    let right = Desk::start(&desk.there, &intent, LONG).await;
    assert!(matches!(right, Right::Busy(wait) if wait > LONG / 2), "{right:?}");
}

pub(super) async fn renewed_too_late_is_refused<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let late = desk.ours(&intent, SHORT).await;
    let second = desk.soon_ours(&intent).await;
    assert!(!renew(desk, &late).await, "whoever has lost the right must be told");
    assert!(renew(desk, &second).await);
    desk.finish(&second, done("7")).await;
    assert!(!renew(desk, &second).await, "what has ended is held by nobody");
}

async fn renew<S: Storage>(desk: &Desk<S>, leased: &crate::effect::Leased) -> bool {
    let mut session = desk.open().await;
    let renewed = desk.here.renew_effect(&mut session, leased.intent.id, leased.fence, LONG).await;
    renewed.expect("a lease can be renewed")
}
