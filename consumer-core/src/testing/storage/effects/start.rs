//! The right to call an effect before the transaction of its event.

use std::time::Duration;

use futures_util::future::join_all;

use super::desk::{Desk, LONG, SHORT, again, done};
use crate::{
    effect::{EffectState, Ending, IdempotencyKey, Intent, Recorded, Right},
    message::Fingerprint,
    storage::Storage,
};

/// How many ask at once, on as many sessions as a store has at least.
const RIVALS: usize = 8;
const ROUNDS: usize = 8;

/// How many of two processes' workers got the right to call an effect.
async fn rush<S: Storage>(desk: &Desk<S>, intent: &Intent) -> usize {
    let ask = |store| async move {
        let right = Desk::start(store, intent, LONG).await;
        match right {
            Right::Ours(_) => 1,
            Right::Busy(wait) if wait > Duration::ZERO => 0,
            other => panic!("who is late is told how long to wait: {other:?}"),
        }
    };
    let rivals = (0..RIVALS).flat_map(|_| [ask(&desk.here), ask(&desk.there)]);
    join_all(rivals).await.into_iter().sum()
}

pub(super) async fn of_many_at_once_one_calls<S: Storage>(desk: &Desk<S>) {
    for round in 0..ROUNDS {
        let intent = desk.before(&format!("round {round}"));
        let calls: usize = rush(desk, &intent).await;
        assert_eq!(calls, 1, "of any number who ask at once one may call");
    }
}

pub(super) async fn of_many_at_once_one_takes_over<S: Storage>(desk: &Desk<S>) {
    for round in 0..ROUNDS {
        let intent = desk.before(&format!("round {round}"));
        let first = desk.ours(&intent, LONG).await;
        desk.finish(&first, again(Duration::ZERO, false)).await;
        let calls: usize = rush(desk, &intent).await;
        assert_eq!(calls, 1, "of any number who ask at once one may call again");
    }
}

pub(super) async fn of_one_that_is_done_replays_its_result<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, LONG).await;
    assert_eq!((leased.attempts, leased.uncertain, leased.since_first), (0, false, None));
    assert_eq!(desk.finish(&leased, done(r#"{"charge":7}"#)).await, Recorded::Accepted);
    for store in [&desk.here, &desk.there] {
        let right = Desk::start(store, &intent, LONG).await;
        assert_eq!(right, Right::Done(r#"{"charge":7}"#.into()), "what is done is never called again");
    }
    let row = desk.row(&intent).await;
    assert_eq!((row.state, row.attempts, row.due_in), (EffectState::Done, 1, None));
}

pub(super) async fn of_another_body_under_its_id_is_refused<S: Storage>(desk: &Desk<S>) {
    let seen = |data: &[u8]| {
        let intent = desk.before("1");
        Intent { origin: intent.origin.clone().seen_as(Fingerprint::of(data)), ..intent }
    };
    let (first, other) = (seen(b"{\"cents\":100}"), seen(b"{\"cents\":500}"));
    let leased = desk.ours(&first, LONG).await;
    assert_eq!(Desk::start(&desk.there, &other, LONG).await, Right::IdReused, "while it is called");
    desk.finish(&leased, done("7")).await;
    assert_eq!(Desk::start(&desk.there, &other, LONG).await, Right::IdReused, "once it is done");
    assert_eq!(Desk::start(&desk.there, &first, LONG).await, Right::Done("7".into()));
}

pub(super) async fn of_one_that_is_held_is_busy_until_its_lease_ends<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    desk.ours(&intent, LONG).await;
    let Right::Busy(wait) = Desk::start(&desk.there, &intent, LONG).await else {
        panic!("what somebody calls must not be called by another")
    };
    assert!(wait <= LONG && wait > LONG / 2, "the wait is what is left of the lease: {wait:?}");
    let row = desk.row(&intent).await;
    assert!(row.state == EffectState::Started && row.due_in.is_some_and(|left| left > LONG / 2), "{row:?}");
}

pub(super) async fn of_one_whose_holder_vanished_is_a_doubt<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let first = desk.ours(&intent, SHORT).await;
    let second = desk.soon_ours(&intent).await;
    assert!(second.fence > first.fence, "whoever starts it later has a higher fence");
    assert!(second.uncertain, "the call of a holder who has vanished may have worked");
    assert_eq!(second.attempts, 1, "a call counts, even if nobody has told how it ended");
    assert!(second.since_first.is_some_and(|since| since >= SHORT), "{:?}", second.since_first);
    desk.finish(&second, again(Duration::ZERO, false)).await;
    let third = desk.soon_ours(&intent).await;
    assert_eq!((third.attempts, third.uncertain), (2, false), "the ending says whether the doubt remains");
}

pub(super) async fn waits_for_its_time<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, LONG).await;
    desk.finish(&leased, again(LONG, false)).await;
    let Right::Busy(wait) = Desk::start(&desk.there, &intent, LONG).await else {
        panic!("an effect that waits for its time must not be called before it")
    };
    assert!(wait <= LONG && wait > LONG / 2, "{wait:?}");
    let later = desk.before("2");
    let leased = desk.ours(&later, LONG).await;
    desk.finish(&leased, again(SHORT, false)).await;
    let leased = desk.soon_ours(&later).await;
    assert_eq!((leased.attempts, leased.uncertain), (1, false));
    let endless = desk.before("3");
    let leased = desk.ours(&endless, Duration::MAX).await;
    let recorded = desk.finish(&leased, again(Duration::MAX, false)).await;
    assert_eq!(recorded, Recorded::Accepted, "a provider may ask for any wait");
    assert!(matches!(Desk::start(&desk.here, &endless, LONG).await, Right::Busy(_)));
}

pub(super) async fn keeps_the_first_key_and_the_first_bytes<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, LONG).await;
    assert_eq!(leased.intent, intent, "what was written is what is called");
    desk.finish(&leased, again(Duration::ZERO, true)).await;
    let mut changed = intent.clone();
    changed.key = IdempotencyKey::for_test("another");
    changed.request = "another".into();
    changed.origin.event_type = "another".to_owned();
    let leased = desk.ours(&changed, LONG).await;
    assert_eq!(leased.intent, intent, "key and bytes never change, whatever a deploy has changed");
    assert_eq!(desk.row(&intent).await.intent, intent);
}

pub(super) async fn tells_how_old_the_first_call_is<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, LONG).await;
    desk.finish(&leased, again(SHORT, false)).await;
    let second = desk.soon_ours(&intent).await;
    desk.finish(&second, again(SHORT, false)).await;
    let third = desk.soon_ours(&intent).await;
    let (second, third) = (second.since_first.unwrap_or_default(), third.since_first.unwrap_or_default());
    assert!(second >= SHORT && third >= second + SHORT, "the first call counts: {second:?}, {third:?}");
    let ending = Ending::Failed { error: "no such card".to_owned() };
    let other = desk.before("2");
    let leased = desk.ours(&other, LONG).await;
    desk.finish(&leased, ending).await;
    let right = Desk::start(&desk.there, &other, LONG).await;
    assert_eq!(right, Right::Closed(EffectState::Failed, "no such card".to_owned()));
}
