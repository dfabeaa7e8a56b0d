//! Claims: which event is the same, and what is kept of it.

use super::{
    SuiteStorage,
    stage::{claim_by, enroll, process},
};
use crate::{
    inbox::{Claim, Claimed, Repeat, compare},
    message::{EventId, Fingerprint},
    storage::Storage,
};

pub(super) async fn of_a_new_event_is_fresh_and_found_after_the_commit<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    assert!(!process.is_claimed("1").await, "what nobody claimed must not be found");
    process.process("1").await;
    assert!(process.is_claimed("1").await, "a committed claim must be found");
}

pub(super) async fn of_the_same_event_is_taken_and_shows_what_was_stored<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let first = process.claim_of("evt-1");
    let (tx, claimed) = process.try_claim(&mut session, &first).await.expect("an event can be claimed");
    assert_eq!(claimed, Claimed::Fresh);
    process.commit(tx).await;
    let (tx, claimed) = process.claim(&mut session, "evt-1").await;
    let Claimed::Taken(stored) = claimed else {
        panic!("a claim that is committed must be taken: {claimed:?}")
    };
    process.roll_back(tx).await;
    assert_eq!(stored.fingerprint, first.fingerprint, "a fingerprint must come back as it was stored");
    assert_eq!(stored.unit, first.unit, "the unit that wrote a claim must come back as it was stored");
    assert_eq!(stored.readable_id, first.readable_id, "a readable id must come back as it was stored");
}

pub(super) async fn is_seen_by_others_only_after_the_commit<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let tx = process.work(&mut session, "1").await;
    assert!(!process.is_claimed("1").await, "a claim that is not committed must not be found");
    process.commit(tx).await;
    assert!(process.is_claimed("1").await);
}

pub(super) async fn tells_ids_apart_that_a_collation_would_not<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let ids = [
        "abc",
        "ABC",
        "abc ",
        " abc",
        "äbc",
        "a\u{308}bc",
        "ａｂｃ",
        "abc\u{200b}",
        "ß",
        "ss",
        "1",
        "01",
        "1.0",
    ];
    for id in ids {
        process.process(id).await;
    }
    for id in ids {
        assert_eq!(process.written(id).await, 1, "each id is an event of its own: {id:?}");
    }
    let uuid = "0190f7e2-7b6c-7c61-b3f3-2a0c5d0c3a11";
    for id in [uuid.to_owned(), uuid.to_uppercase(), uuid.replace('-', "")] {
        process.process(&id).await;
    }
}

pub(super) async fn tells_sources_apart<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    for (source, id) in [("", "a b"), ("a", "b"), ("shop", "1"), ("shop/eu", "1")] {
        let event = EventId { source: source.to_owned(), id: id.to_owned() };
        let claim = Claim::new(process.consumer, &event, Fingerprint::of(b"{}"));
        let (tx, claimed) = process.try_claim(&mut session, &claim).await.expect("an event can be claimed");
        assert_eq!(claimed, Claimed::Fresh, "an id is unique within its source only: {source:?} {id:?}");
        process.commit(tx).await;
    }
}

pub(super) async fn keeps_ids_of_any_text<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let worst = "\u{0}".repeat(EventId::MAX_BYTES);
    let ids =
        ["\u{0}", "'; DROP TABLE consumers; --", "\\", "%_", "\u{1b}[2J", "\u{202e}", "🦀", "\r\n", &worst]
            .map(str::to_owned);
    for id in ids {
        let claim = process.claim_of(&id);
        for expected in [None, Some(Repeat::Duplicate)] {
            let (tx, claimed) = process.try_claim(&mut session, &claim).await.expect("any id can be claimed");
            let found = match claimed {
                Claimed::Taken(stored) => Some(compare(&claim, &stored)),
                _ => None,
            };
            assert_eq!(found, expected, "an id must be kept as it is: {id:?}");
            process.commit(tx).await;
        }
    }
}

pub(super) async fn of_one_event_by_two_consumers_is_fresh_for_both<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.process("1").await;
    let other = enroll(&process.store, "other", &[]).await;
    let mut session = process.open().await;
    let (tx, claimed) =
        process.try_claim(&mut session, &claim_by(other, "1")).await.expect("an event can be claimed");
    assert_eq!(claimed, Claimed::Fresh, "each consumer has claims of its own");
    process.roll_back(tx).await;
    assert!(process.store.prepare().await.is_ok());
}
