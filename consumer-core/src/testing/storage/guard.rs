//! The guard: a unit is committed by the transaction that claimed, or not at all.

use super::{
    Ending, SuiteStorage,
    stage::{Process, Session, Tx, in_time, process},
};
use crate::departures::Departures;
use crate::storage::{Commit, Rollback, Storage};

const ENDED: &str = "a unit whose transaction the handler has ended must be reported as ended";
const VICTIM: &str = "a deadlock's victim keeps nothing of its unit";

pub(super) async fn a_swallowed_error_leaves_all_or_nothing<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let mut tx = process.work(&mut session, "1").await;
    database.fail(&mut tx).await.expect_err("`fail` runs a statement that the database refuses");
    let after = database.write(&mut tx, "after").await;
    let end = in_time("a commit", process.store.commit(tx, &Departures::default())).await;
    match &end {
        Commit::Done => {
            assert!(
                after.is_ok() && process.is_claimed("1").await,
                "a commit that is done has committed everything"
            );
        }
        Commit::Aborted(_) => process.nothing("1", "an aborted unit leaves nothing").await,
        other => panic!("a swallowed error ends in a commit or an aborted unit: {other:?}"),
    }
    process.all_or_nothing("1", "a claim and its row stand or fall together").await;
    process.commit(process.work(&mut session, "2").await).await;
}

pub(super) async fn a_commit_notices_that_the_handler_ended_the_transaction<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for ending in Ending::ALL {
        let id = format!("{ending:?}");
        let mut session = process.open().await;
        let tx = end_behind_our_back(&process, &mut session, &id, ending).await;
        let end = in_time("a commit", process.store.commit(tx, &Departures::default())).await;
        assert!(matches!(end, Commit::Ended), "{ENDED}, not {end:?} ({id})");
        drop(session);
        remains(&process, &id).await;
    }
}

pub(super) async fn a_rollback_notices_that_the_handler_ended_the_transaction<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for ending in Ending::ALL {
        let id = format!("{ending:?}");
        let mut session = process.open().await;
        let tx = end_behind_our_back(&process, &mut session, &id, ending).await;
        let end = in_time("a rollback", process.store.roll_back(tx)).await;
        assert!(matches!(end, Rollback::Ended), "{ENDED}, not {end:?} ({id})");
        drop(session);
        remains(&process, &id).await;
    }
}

/// Does what a handler must not. What it writes into a transaction of its own is undone later.
async fn end_behind_our_back<'s, S: SuiteStorage>(
    process: &Process<'_, S>,
    session: &'s mut Session<S>,
    id: &str,
    ending: Ending,
) -> Tx<'s, S> {
    let mut tx = process.work(session, id).await;
    // A storage that can refuse it, may; then nothing remains.
    let _ = process.database.end(&mut tx, ending).await;
    if ending.begins() {
        let _ = process.database.write(&mut tx, &after(id)).await;
    }
    tx
}

/// What the handler has committed, remains with its claim; what it did afterwards, does not.
async fn remains<S: SuiteStorage>(process: &Process<'_, S>, id: &str) {
    process.all_or_nothing(id, "a claim and its row stand or fall together").await;
    let later = process.written(&after(id)).await;
    assert_eq!(later, 0, "what follows a transaction that has ended must be undone ({id})");
}

fn after(id: &str) -> String {
    format!("after {id}")
}

pub(super) async fn a_victim_of_a_deadlock_is_not_committed<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let mut tx = process.work(&mut session, "1").await;
    if !in_time("a deadlock", database.deadlock(&mut tx)).await {
        return process.commit(tx).await;
    }
    let _ = database.write(&mut tx, "after").await;
    let end = in_time("a commit", process.store.commit(tx, &Departures::default())).await;
    let noticed = matches!(end, Commit::Ended | Commit::Aborted(_));
    assert!(noticed, "a handler that swallowed a deadlock must not be committed: {end:?}");
    process.nothing("1", VICTIM).await;
    assert_eq!(process.written("after").await, 0, "{VICTIM}, nor of what followed");
}

pub(super) async fn a_victim_of_a_deadlock_can_be_rolled_back<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let mut tx = process.work(&mut session, "1").await;
    if in_time("a deadlock", database.deadlock(&mut tx)).await {
        let _ = database.write(&mut tx, "after").await;
    }
    let end = in_time("a rollback", process.store.roll_back(tx)).await;
    assert!(
        matches!(end, Rollback::Done | Rollback::Ended),
        "a deadlock's victim can be rolled back: {end:?}"
    );
    process.nothing("1", VICTIM).await;
    assert_eq!(process.written("after").await, 0, "{VICTIM}, nor of what followed");
}
