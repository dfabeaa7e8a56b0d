//! What people see and do.

use std::time::Duration;

use futures_util::future::join;

use super::desk::{CHARGE, Desk, LONG, RECEIPT, SHORT, again, done};
use crate::{
    clock,
    departures::Departures,
    effect::{ByHand, EffectFilter, EffectRecord, EffectState, Ending, Intent, Right},
    inbox::Claimed,
    storage::{Commit, Extent, Storage},
    testing::storage::stage::{claim_by, in_time},
};

fn failed() -> Ending {
    Ending::Failed { error: "no such card".to_owned() }
}

fn unknown() -> Ending {
    Ending::Unknown { error: "who knows".to_owned() }
}

/// An effect whose first call has ended so.
async fn ended<S: Storage>(desk: &Desk<S>, event: &str, ending: Ending) -> Intent {
    let intent = desk.before(event);
    let leased = desk.ours(&intent, LONG).await;
    desk.finish(&leased, ending).await;
    intent
}

async fn resolve<S: Storage>(desk: &Desk<S>, intent: &Intent, found: ByHand) -> bool {
    let mut session = desk.open().await;
    desk.here.resolve_effect(&mut session, intent.id, &found).await.expect("an effect can be resolved")
}

async fn release<S: Storage>(desk: &Desk<S>, intent: &Intent) -> bool {
    let mut session = desk.open().await;
    desk.here.release_effect(&mut session, intent.id).await.expect("an effect can be released")
}

async fn list<S: Storage>(desk: &Desk<S>, filter: &EffectFilter) -> Vec<EffectRecord> {
    let mut session = desk.open().await;
    desk.here.list_effects(&mut session, filter).await.expect("effects can be listed")
}

pub(super) async fn resolve_what_failed_or_is_unknown<S: Storage>(desk: &Desk<S>) {
    for (event, ending) in [("1", failed()), ("2", unknown()), ("3", again(LONG, true))] {
        let intent = ended(desk, event, ending).await;
        assert!(resolve(desk, &intent, ByHand::Done("9".into())).await, "{event}");
        let right = Desk::start(&desk.there, &intent, LONG).await;
        assert_eq!(right, Right::Done("9".into()), "what a person has found out is replayed");
        let again = resolve(desk, &intent, ByHand::NotDone("a slip".to_owned())).await;
        assert!(!again, "what is done stays done");
    }
    assert!(!resolve(desk, &desk.before("never"), ByHand::Done("9".into())).await, "there is nothing");
}

pub(super) async fn settle_what_was_not_done<S: Storage>(desk: &Desk<S>) {
    let intent = ended(desk, "1", unknown()).await;
    assert!(resolve(desk, &intent, ByHand::NotDone("the bank never saw it".to_owned())).await);
    let right = Desk::start(&desk.there, &intent, LONG).await;
    assert_eq!(right, Right::Closed(EffectState::Failed, "the bank never saw it".to_owned()));
    assert!(desk.row(&intent).await.settled);
    assert_eq!(list(desk, &EffectFilter::default()).await, [], "it waits for nobody any more");
    let all = EffectFilter { states: Vec::new(), ..EffectFilter::default() };
    assert_eq!(list(desk, &all).await.len(), 1, "whoever asks for all finds it");
    let mut session = desk.open().await;
    let counts = desk.here.count_effects(&mut session).await.expect("effects can be counted");
    assert_eq!(counts.failed, 0);
    assert!(release(desk, &intent).await, "a person may change their mind");
    assert!(!desk.row(&intent).await.settled);
    desk.ours(&intent, LONG).await;
}

pub(super) async fn release_with_the_same_key<S: Storage>(desk: &Desk<S>) {
    for (event, ending) in [("1", failed()), ("2", unknown()), ("3", again(LONG, true))] {
        let intent = ended(desk, event, ending).await;
        assert!(release(desk, &intent).await, "{event}");
        let row = desk.row(&intent).await;
        assert_eq!((row.state, row.attempts, row.uncertain), (EffectState::Planned, 0, false));
        assert!(
            row.evidence.is_some_and(|lines| lines.contains("released")),
            "what is forgotten leaves a line"
        );
        let leased = desk.ours(&intent, LONG).await;
        assert_eq!(leased.intent, intent, "with the same key and the same bytes");
        let first = (leased.attempts, leased.uncertain, leased.since_first);
        assert_eq!(
            first,
            (0, false, None),
            "as if it had never been called: no age of a key stands in its way"
        );
    }
    let intent = desk.after(RECEIPT, "4");
    desk.schedule(&[&intent]).await;
    let leased = desk.lease(&[RECEIPT], 1).await;
    desk.finish(&leased[0], failed()).await;
    assert_eq!(desk.lease(&[RECEIPT], 1).await, []);
    release(desk, &intent).await;
    let leased = desk.lease(&[RECEIPT], 1).await;
    assert_eq!(leased.len(), 1, "what is released is due now");
}

pub(super) async fn leave_what_is_being_called<S: Storage>(desk: &Desk<S>) {
    let intent = desk.before("1");
    let leased = desk.ours(&intent, LONG).await;
    let done_by_hand = resolve(desk, &intent, ByHand::Done("9".into())).await;
    assert!(!done_by_hand && !release(desk, &intent).await, "its holder may still tell what became of it");
    desk.finish(&leased, done("7")).await;
    assert!(!release(desk, &intent).await, "what is done is not called again");
    assert_eq!(desk.row(&intent).await.result.as_deref(), Some(b"7".as_slice()));
}

/// Its event may never come again, and then nobody else ends it.
pub(super) async fn take_over_from_a_caller_that_has_vanished<S: Storage>(desk: &Desk<S>) {
    for event in ["1", "2"] {
        let intent = desk.before(event);
        let vanished = desk.ours(&intent, SHORT).await;
        clock::sleep(SHORT * 2).await;
        if event == "1" {
            assert!(resolve(desk, &intent, ByHand::Done("9".into())).await);
        } else {
            assert!(release(desk, &intent).await);
            let leased = desk.ours(&intent, LONG).await;
            assert_eq!((leased.attempts, leased.uncertain), (0, false), "a person has said so");
        }
        desk.finish(&vanished, done("7")).await;
        let row = desk.row(&intent).await;
        assert_ne!(row.result.as_deref(), Some(b"7".as_slice()), "it comes too late");
        assert!(row.evidence.is_some_and(|lines| lines.contains("done: 7")), "and is kept");
    }
}

pub(super) async fn see_the_effects_of_an_event<S: Storage>(desk: &Desk<S>) {
    let charge = ended(desk, "1", done("7")).await;
    clock::sleep(Duration::from_millis(5)).await;
    let mut second = charge.clone();
    second.effect = "reserve".to_owned();
    second.id = crate::effect::EffectId::of(desk.consumer, second.event, "reserve", "");
    desk.ours(&second, LONG).await;
    ended(desk, "2", done("7")).await;
    desk.schedule(&[&desk.after(RECEIPT, "1")]).await;
    let mut session = desk.open().await;
    let found = desk.here.effects_of(&mut session, desk.consumer, Desk::<S>::event("1")).await;
    let found = found.expect("the effects of an event can be looked up");
    let names: Vec<_> = found.iter().map(|row| (row.intent.effect.as_str(), row.state)).collect();
    assert_eq!(names, [(CHARGE, EffectState::Done), ("reserve", EffectState::Started)], "the oldest first");
}

pub(super) async fn see_what_waits_for_them<S: Storage>(desk: &Desk<S>) {
    let failed_one = ended(desk, "1", failed()).await;
    clock::sleep(Duration::from_millis(5)).await;
    let unknown_one = ended(desk, "2", unknown()).await;
    ended(desk, "3", done("7")).await;
    ended(desk, "4", again(LONG, false)).await;
    desk.ours(&desk.before("5"), LONG).await;
    desk.schedule(&[&desk.after(RECEIPT, "6")]).await;
    let waiting = list(desk, &EffectFilter::default()).await;
    let found: Vec<_> = waiting.iter().map(|row| (row.intent.id, row.error.as_deref())).collect();
    let expected = [(failed_one.id, Some("no such card")), (unknown_one.id, Some("who knows"))];
    assert_eq!(found, expected, "the oldest first");
    let only = |states: &[EffectState], effect: Option<&str>, limit| EffectFilter {
        states: states.to_vec(),
        effect: effect.map(str::to_owned),
        limit,
    };
    assert_eq!(list(desk, &only(&[], None, 100)).await.len(), 6, "all states");
    assert_eq!(list(desk, &only(&[], None, 1)).await.len(), 1, "no more than asked for");
    assert_eq!(list(desk, &only(&[], Some(RECEIPT), 100)).await.len(), 1);
    assert_eq!(list(desk, &only(&[EffectState::Done], None, 100)).await.len(), 1);
    assert_eq!(list(desk, &only(&[EffectState::Planned, EffectState::Done], None, 100)).await.len(), 3);
    clock::sleep(SHORT).await;
    let mut session = desk.open().await;
    let counts = desk.here.count_effects(&mut session).await.expect("effects can be counted");
    assert_eq!((counts.planned, counts.started, counts.failed, counts.unknown), (2, 1, 1, 1));
    assert!(counts.overdue >= SHORT && counts.overdue < LONG / 2, "{:?}", counts.overdue);
    desk.lease(&[RECEIPT], 1).await;
    let counts = desk.here.count_effects(&mut session).await.expect("effects can be counted");
    assert_eq!(counts.overdue, Duration::ZERO, "nothing is due");
}

pub(super) async fn sweep_what_is_done<S: Storage>(desk: &Desk<S>) {
    for event in ["1", "2", "3"] {
        let intent = desk.after(RECEIPT, event);
        desk.schedule(&[&intent]).await;
        let leased = desk.lease(&[RECEIPT], 1).await;
        desk.finish(&leased[0], done("7")).await;
    }
    let settled = ended(desk, "4", unknown()).await;
    resolve(desk, &settled, ByHand::NotDone("never".to_owned())).await;
    let kept = [
        ended(desk, "5", failed()).await,
        ended(desk, "6", unknown()).await,
        ended(desk, "7", again(LONG, false)).await,
        ended(desk, "8", done("7")).await,
        ended(desk, "9", unknown()).await,
    ];
    assert!(resolve(desk, &kept[4], ByHand::Done("7".into())).await);
    let swept = desk.here.sweep_effects(LONG, 100).await.expect("effects can be swept");
    assert_eq!(swept.rows, 0, "what is done is replayed while its event can come again");
    clock::sleep(SHORT).await;
    let (one, other) =
        join(desk.here.sweep_effects(SHORT / 2, 3), desk.there.sweep_effects(SHORT / 2, 3)).await;
    let mut rows = one.expect("a sweep").rows + other.expect("a sweep").rows;
    while let Ok(swept) = desk.here.sweep_effects(SHORT / 2, 3).await
        && swept.rows > 0
    {
        assert!(swept.more || swept.rows < 3, "a full batch must say that there may be more");
        rows += swept.rows;
    }
    assert_eq!(rows, 4, "what is done or settled goes, once");
    for intent in &kept {
        assert!(desk.find(intent).await.is_some(), "what waits for somebody, be it a dead letter, stays");
    }
    use_it(desk, "8", &kept[3]).await;
    clock::sleep(SHORT).await;
    let swept = desk.here.sweep_effects(SHORT / 2, 3).await.expect("effects can be swept");
    assert_eq!(
        (swept.rows, desk.find(&kept[3]).await),
        (1, None),
        "what its event has used goes with its claim"
    );
}

/// Commits the unit of an event that has used an effect.
async fn use_it<S: Storage>(desk: &Desk<S>, event: &str, intent: &Intent) {
    let mut session = desk.open().await;
    let mut tx =
        in_time("a unit", desk.here.begin(&mut session, Extent::One)).await.expect("a unit can be begun");
    let claimed = in_time("a claim", desk.here.claim(&mut tx, &claim_by(desk.consumer, event))).await;
    assert_eq!(claimed.expect("an event can be claimed"), Claimed::Fresh);
    let kept = in_time("a look", desk.here.keep_effects(&mut tx, &[intent.id])).await;
    assert!(kept.expect("effects can be kept"));
    let end = in_time("a commit", desk.here.commit(tx, &Departures::default())).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
}
