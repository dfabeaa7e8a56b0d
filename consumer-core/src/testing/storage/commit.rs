//! The commit.

use super::{SuiteStorage, stage::process};
use crate::inbox::Claimed;

pub(super) async fn makes_claim_and_rows_visible_to_others<S: SuiteStorage>(database: &S) {
    let (one, other) = (process(database).await, process(database).await);
    one.process("1").await;
    assert!(other.is_claimed("1").await, "a committed claim is seen by every process");
    assert_eq!(other.written("1").await, 1, "a committed row is seen by every process");
}

pub(super) async fn of_a_duplicate_is_harmless<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.process("1").await;
    let mut session = process.open().await;
    let (tx, claimed) = process.claim(&mut session, "1").await;
    assert!(matches!(claimed, Claimed::Taken(_)), "a claim that is committed must be taken: {claimed:?}");
    process.commit(tx).await;
    assert_eq!(process.written("1").await, 1, "an event must take effect once");
}

pub(super) async fn leaves_the_session_as_good_as_new<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    for id in ["1", "2", "3"] {
        let tx = process.work(&mut session, id).await;
        process.commit(tx).await;
        assert!(process.is_claimed(id).await, "each unit of a session is committed: {id}");
    }
}
