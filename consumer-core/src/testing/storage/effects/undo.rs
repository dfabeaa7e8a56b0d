//! The undoing of an effect.

use futures_util::future::join;

use super::desk::{Desk, LONG, done, open, sending};
use crate::{
    departures::Departures,
    effect::{Intent, Right},
    inbox::Claimed,
    storage::{Commit, Extent, Rollback, Storage},
    testing::storage::stage::{a_moment, claim_by, in_time},
};

pub(super) async fn happens_once<S: Storage>(desk: &Desk<S>) {
    let (intent, refund) = (desk.before("1"), desk.after("refund", "1"));
    let leased = desk.ours(&intent, LONG).await;
    assert!(!compensate(desk, &intent, &refund).await, "what is not done cannot be undone");
    assert!(desk.find(&refund).await.is_none(), "nothing is written then");
    desk.finish(&leased, done("7")).await;
    assert!(compensate(desk, &intent, &refund).await);
    let other = desk.after("refund", "2");
    assert!(!compensate(desk, &intent, &other).await, "what is done once is undone once");
    assert!(desk.find(&refund).await.is_some() && desk.find(&other).await.is_none());
    assert!(desk.row(&intent).await.compensated);
    assert_eq!(Desk::start(&desk.there, &intent, LONG).await, Right::Compensated);
}

async fn compensate<S: Storage>(desk: &Desk<S>, intent: &Intent, refund: &Intent) -> bool {
    let mut session = desk.open().await;
    let marked = desk.here.compensate_effect(&mut session, intent.id, &sending(&[refund])).await;
    marked.expect("an effect can be compensated")
}

async fn done_before<S: Storage>(desk: &Desk<S>, event: &str) -> Intent {
    let intent = desk.before(event);
    let leased = desk.ours(&intent, LONG).await;
    desk.finish(&leased, done("7")).await;
    intent
}

pub(super) async fn waits_for_a_unit_that_keeps_the_effect<S: Storage>(desk: &Desk<S>) {
    for (event, commits) in [("1", true), ("2", false)] {
        let (intent, refund) = (done_before(desk, event).await, desk.after("refund", event));
        let mut session = open(&desk.there).await;
        let mut tx = in_time("a unit", desk.there.begin(&mut session, Extent::One))
            .await
            .expect("a unit can be begun");
        let claimed = in_time("a claim", desk.there.claim(&mut tx, &claim_by(desk.consumer, event))).await;
        assert_eq!(claimed.expect("an event can be claimed"), Claimed::Fresh);
        let kept = in_time("a look", desk.there.keep_effects(&mut tx, &[intent.id])).await;
        assert!(kept.expect("effects can be kept"));
        let end = async {
            a_moment().await;
            match commits {
                true => assert!(matches!(desk.there.commit(tx, &Departures::default()).await, Commit::Done)),
                false => assert!(matches!(desk.there.roll_back(tx).await, Rollback::Done)),
            }
        };
        let (undone, ()) = in_time("both", join(compensate(desk, &intent, &refund), end)).await;
        assert_eq!(undone, !commits, "what a processed event has used stays done, and nothing else");
        assert_eq!(desk.row(&intent).await.compensated, !commits);
        assert_eq!(desk.find(&refund).await.is_some(), !commits);
    }
}

pub(super) async fn compensated_is_kept_by_nobody<S: Storage>(desk: &Desk<S>) {
    let (undone, other) = (done_before(desk, "1").await, done_before(desk, "2").await);
    assert!(compensate(desk, &undone, &desk.after("refund", "1")).await);
    let mut session = desk.open().await;
    let mut tx =
        in_time("a unit", desk.here.begin(&mut session, Extent::One)).await.expect("a unit can be begun");
    for (effects, kept) in [(vec![other.id], true), (vec![other.id, undone.id], false)] {
        let found = in_time("a look", desk.here.keep_effects(&mut tx, &effects)).await;
        assert_eq!(found.expect("effects can be kept"), kept);
    }
    assert!(matches!(desk.here.roll_back(tx).await, Rollback::Done));
}
