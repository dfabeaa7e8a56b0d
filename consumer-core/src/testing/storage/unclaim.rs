//! Claims that are taken back.

use futures_util::future::join;

use super::{
    Ending, SuiteStorage,
    stage::{Process, Session, Tx, a_moment, in_time, process},
};
use crate::{
    inbox::Claimed,
    storage::{Extent, Rollback, Storage},
};

/// A unit that has claimed three events and takes the second back.
async fn take_back<'s, S: SuiteStorage>(process: &Process<'_, S>, session: &'s mut Session<S>) -> Tx<'s, S> {
    let mut tx = in_time("a unit", process.store.begin(session, Extent::Many)).await.expect("a unit");
    let claims = ["1", "2", "3"].map(|id| process.claim_of(id));
    let claimed = in_time("the claims", process.store.claim_many(&mut tx, &claims)).await;
    assert_eq!(claimed.expect("events can be claimed"), [Claimed::Fresh, Claimed::Fresh, Claimed::Fresh]);
    let unclaimed = in_time("an answer", process.store.unclaim(&mut tx, &claims[1..2])).await;
    unclaimed.expect("a claim can be taken back");
    tx
}

pub(super) async fn leaves_an_event_to_be_claimed_again<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let tx = take_back(&process, &mut session).await;
    process.commit(tx).await;
    for (id, claimed) in [("1", true), ("2", false), ("3", true)] {
        assert_eq!(process.is_claimed(id).await, claimed, "what was not taken back stays claimed: {id}");
    }
    process.commit(process.work(&mut session, "2").await).await;
    assert!(process.is_claimed("2").await);
}

pub(super) async fn has_a_rival_wait_until_the_unit_has_ended<S: SuiteStorage>(database: &S) {
    let (first, second) = (process(database).await, process(database).await);
    let (mut held, mut waiting) = (first.open().await, second.open().await);
    let tx = take_back(&first, &mut held).await;
    let commit = async {
        a_moment().await;
        first.commit(tx).await;
    };
    let rival = async {
        let tx = second.work(&mut waiting, "2").await;
        let first_is_through = first.is_claimed("1").await;
        second.commit(tx).await;
        first_is_through
    };
    let (first_is_through, ()) = join(rival, commit).await;
    assert!(first_is_through, "the next unit of an event begins when the one before it has ended");
}

pub(super) async fn of_a_unit_that_is_rolled_back_leaves_nothing<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let tx = take_back(&process, &mut session).await;
    process.roll_back(tx).await;
    for id in ["1", "2", "3"] {
        process.nothing(id, "a rollback leaves no claim").await;
    }
}

/// What the handler has committed itself is processed; to process it again would be a second effect.
pub(super) async fn takes_nothing_back_that_the_handler_has_committed<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for ending in Ending::ALL {
        let id = format!("{ending:?}");
        let mut session = process.open().await;
        let mut tx = process.work(&mut session, &id).await;
        let _ = database.end(&mut tx, ending).await;
        let unclaimed = process.store.unclaim(&mut tx, &[process.claim_of(&id)]).await;
        unclaimed.expect_err("a claim can be taken back only by the transaction that made it");
        let end = in_time("a rollback", process.store.roll_back(tx)).await;
        assert!(matches!(end, Rollback::Ended), "the rollback says that the unit was ended: {end:?} ({id})");
        drop(session);
        process.all_or_nothing(&id, "a claim and its row stand or fall together").await;
    }
}
