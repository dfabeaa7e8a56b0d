//! What the runner does: it leases what is due.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join;

use super::desk::{CHARGE, Desk, LONG, RECEIPT, SHORT, again, done, open, sending};
use crate::{
    clock,
    effect::{EffectState, Intent, Leased, Moment},
    storage::{Extent, Storage},
    testing::storage::stage::{claim_by, in_time},
};

pub(super) async fn takes_what_a_unit_has_scheduled<S: Storage>(desk: &Desk<S>) {
    let (one, two) = (desk.after(RECEIPT, "1"), desk.after(RECEIPT, "2"));
    desk.schedule(&[&one, &two]).await;
    let leased = desk.lease(&[RECEIPT], 10).await;
    assert_eq!(leased.len(), 2, "what is committed is due at once");
    for Leased { intent, fence, attempts, uncertain, since_first } in leased {
        assert!(intent == one || intent == two, "what was written is what is called: {intent:?}");
        assert_eq!((fence, attempts, uncertain, since_first), (1, 0, false, None));
    }
    assert_eq!(desk.row(&one).await.state, EffectState::Started);
    assert_eq!(desk.lease(&[RECEIPT], 10).await, [], "what is held is not given to another");
}

pub(super) async fn takes_nothing_from_a_unit_that_was_rolled_back<S: Storage>(desk: &Desk<S>) {
    let mut session = desk.open().await;
    let mut tx =
        in_time("a unit", desk.here.begin(&mut session, Extent::One)).await.expect("a unit can be begun");
    desk.here.claim(&mut tx, &claim_by(desk.consumer, "1")).await.expect("an event can be claimed");
    desk.here.roll_back(tx).await;
    assert_eq!(desk.lease(&[RECEIPT], 10).await, []);
    assert!(desk.find(&desk.after(RECEIPT, "1")).await.is_none());
}

pub(super) async fn takes_only_its_names_and_its_moment<S: Storage>(desk: &Desk<S>) {
    let (receipt, refund) = (desk.after(RECEIPT, "1"), desk.after("refund", "1"));
    desk.schedule(&[&receipt, &refund]).await;
    let charge = desk.before("1");
    let leased = desk.ours(&charge, LONG).await;
    desk.finish(&leased, again(Duration::ZERO, false)).await;
    assert_eq!(desk.lease(&[], 10).await, [], "whoever knows no effect gets none");
    assert_eq!(desk.lease(&["Receipt", "receip", "receipt ", "o'hara"], 10).await, []);
    let leased = desk.lease(&["a", RECEIPT, CHARGE], 10).await;
    assert_eq!(
        ids(&leased),
        BTreeSet::from([receipt.id]),
        "an effect that a handler waits for is not the runner's"
    );
    assert_eq!(ids(&desk.lease(&["refund"], 10).await), BTreeSet::from([refund.id]));
}

pub(super) async fn takes_the_most_overdue_first<S: Storage>(desk: &Desk<S>) {
    let intents: Vec<Intent> = (0..5).map(|n| desk.after(RECEIPT, &n.to_string())).collect();
    for intent in &intents {
        desk.schedule(&[intent]).await;
        clock::sleep(Duration::from_millis(5)).await;
    }
    let first = desk.lease(&[RECEIPT], 2).await;
    let order: Vec<_> = first.iter().map(|leased| leased.intent.id).collect();
    assert_eq!(order, [intents[0].id, intents[1].id], "no more than asked for, the most overdue first");
    desk.finish(&first[0], again(LONG, false)).await;
    desk.finish(&first[1], again(Duration::ZERO, false)).await;
    let rest: Vec<_> = desk.lease(&[RECEIPT], 10).await.iter().map(|leased| leased.intent.id).collect();
    assert_eq!(rest, [intents[2].id, intents[3].id, intents[4].id, intents[1].id], "each at its time");
}

pub(super) async fn gives_no_row_to_two<S: Storage>(desk: &Desk<S>) {
    const ROWS: usize = 60;
    let intents: Vec<Intent> = (0..ROWS).map(|n| desk.after(RECEIPT, &n.to_string())).collect();
    desk.schedule(&intents.iter().collect::<Vec<_>>()).await;
    let (one, other) = in_time("all rows", join(drain(&desk.here), drain(&desk.there))).await;
    let (ours, theirs) = (ids(&one), ids(&other));
    assert!(ours.is_disjoint(&theirs), "two runners must never call the same effect");
    assert_eq!((one.len() + other.len(), ours.len() + theirs.len()), (ROWS, ROWS), "each row once");
}

/// Leases in small batches until nothing is due.
async fn drain<S: Storage>(store: &S) -> Vec<Leased> {
    let mut session = open(store).await;
    let (mut all, mut empty) = (Vec::new(), 0);
    // A rival holds rows for a moment before it has them; who skips them must look once more.
    while empty < 3 {
        let leased = store.lease_effects(&mut session, &[RECEIPT], LONG, 4).await.expect("a lease");
        empty = if leased.is_empty() { empty + 1 } else { 0 };
        all.extend(leased);
    }
    all
}

pub(super) async fn takes_over_what_a_holder_left<S: Storage>(desk: &Desk<S>) {
    let intent = desk.after(RECEIPT, "1");
    desk.schedule(&[&intent]).await;
    let mut session = desk.open().await;
    let first = desk.here.lease_effects(&mut session, &[RECEIPT], SHORT, 1).await.expect("a lease");
    assert_eq!((first.len(), desk.lease(&[RECEIPT], 1).await), (1, vec![]));
    clock::sleep(SHORT * 2).await;
    let second = desk.lease(&[RECEIPT], 1).await;
    let [second] = second.as_slice() else { panic!("what a holder has left is due: {second:?}") };
    assert_eq!((second.attempts, second.uncertain, second.fence), (1, true, first[0].fence + 1));
    assert!(second.since_first.is_some_and(|since| since >= SHORT));
}

pub(super) async fn leaves_what_is_written_already<S: Storage>(desk: &Desk<S>) {
    let (old, new) = (desk.after(RECEIPT, "1"), desk.after(RECEIPT, "2"));
    desk.schedule(&[&old]).await;
    let leased = desk.lease(&[RECEIPT], 1).await;
    desk.finish(&leased[0], done("7")).await;
    let mut changed = old.clone();
    changed.request = "another".into();
    desk.schedule(&[&changed, &new]).await;
    let row = desk.row(&old).await;
    assert_eq!((row.state, row.intent), (EffectState::Done, old), "an effect of an event is called once");
    assert_eq!(ids(&desk.lease(&[RECEIPT], 10).await), BTreeSet::from([new.id]));
    let many: Vec<Intent> = (0..1500).map(|n| desk.after(RECEIPT, &format!("many {n}"))).collect();
    let departures = sending(&many.iter().collect::<Vec<_>>());
    let charge = desk.before("1");
    let leased = desk.ours(&charge, LONG).await;
    desk.finish_sending(&leased, &done("7"), &departures).await;
    assert_eq!(desk.lease(&[RECEIPT], 2000).await.len(), many.len(), "as many as a handler schedules");
}

/// As after a deploy that calls it at another time.
pub(super) async fn takes_what_was_to_be_called_before<S: Storage>(desk: &Desk<S>) {
    let before = desk.before("1");
    let leased = desk.ours(&before, LONG).await;
    desk.finish(&leased, again(Duration::ZERO, true)).await;
    assert_eq!(desk.lease(&[CHARGE], 1).await, []);
    let mut after = desk.after(CHARGE, "1");
    after.request = "another".into();
    desk.schedule(&[&after]).await;
    let leased = desk.lease(&[CHARGE], 1).await;
    let [leased] = leased.as_slice() else { panic!("what was scheduled is called: {leased:?}") };
    assert_eq!((leased.attempts, leased.uncertain), (1, true));
    assert_eq!(
        leased.intent,
        Intent { moment: Moment::After, ..before },
        "with the first key and the first bytes"
    );
}

fn ids(leased: &[Leased]) -> BTreeSet<crate::effect::EffectId> {
    leased.iter().map(|leased| leased.intent.id).collect()
}
