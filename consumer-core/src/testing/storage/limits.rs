//! Time.

use std::time::Duration;

use super::{
    SuiteStorage,
    stage::{SHORT, Session, in_time, process},
};
use crate::{
    clock,
    departures::Departures,
    inbox::Claimed,
    storage::{Sessions, Storage},
};

/// Longer than any storage may wait beyond [`SHORT`].
const LATER: Duration = Duration::from_secs(5);

/// As if the process had been stopped: its connection stays open and silent.
pub(super) async fn an_abandoned_unit_is_ended<S: SuiteStorage>(database: &S) {
    if !S::ENDS_ABANDONED_UNITS {
        return;
    }
    let (stopped, other) = (process(database).await, process(database).await);
    let mut silent = stopped.open_with(SHORT).await;
    let abandoned = stopped.work(&mut silent, "1").await;
    let mut session = other.open().await;
    let (tx, claimed) = in_time("the claim", async {
        clock::sleep(LATER).await;
        other.claim(&mut session, "1").await
    })
    .await;
    assert_eq!(claimed, Claimed::Fresh, "a claim that nobody continues must free itself");
    other.commit(tx).await;
    let end = stopped.store.commit(abandoned, &Departures::default()).await;
    let lost = !matches!(end, crate::storage::Commit::Done);
    assert!(
        lost,
        "a unit that the database has ended must not be committed when its process goes on: {end:?}"
    );
}

pub(super) async fn an_idle_session_still_works<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open_with(SHORT).await;
    process.commit(process.work(&mut session, "1").await).await;
    clock::sleep(LATER).await;
    process.commit(process.work(&mut session, "2").await).await;
    assert!(
        process.is_claimed("2").await,
        "a worker that had nothing to do for long goes on without a failure"
    );
}

pub(super) async fn a_session_rests_between_its_units<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open_with(SHORT).await;
    let rest = async |session: &mut Session<S>| {
        in_time("rest", process.store.rest(session)).await.expect("a session can be left alone");
    };
    rest(&mut session).await;
    for id in ["1", "2"] {
        process.commit(process.work(&mut session, id).await).await;
        rest(&mut session).await;
        rest(&mut session).await;
    }
    clock::sleep(LATER).await;
    process.commit(process.work(&mut session, "3").await).await;
    assert!(process.is_claimed("3").await, "a session that rested goes on without a failure");
}

pub(super) async fn a_session_answers_a_ping<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open_with(SHORT).await;
    in_time("an answer", process.store.ping(&mut session)).await.expect("a database that is there answers");
    process.commit(process.work(&mut session, "1").await).await;
    in_time("an answer", process.store.ping(&mut session)).await.expect("also between two units");
}
