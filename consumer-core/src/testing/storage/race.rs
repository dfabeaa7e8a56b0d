//! Races for one event.

use futures_util::future::{join, join_all};

use super::{
    SuiteStorage,
    stage::{Process, Session, a_moment, in_time, process},
};
use crate::{classify::Class, inbox::Claimed, storage::Sessions};

const RIVALS: usize = 8;
const ROUNDS: usize = 10;

/// More than the runtime would allow: here nobody waits between two conflicts.
const CONFLICTS: usize = 100;

pub(super) async fn of_many_at_once_one_wins<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut sessions = join_all((0..RIVALS).map(|_| process.open())).await;
    for round in 0..ROUNDS {
        let id = format!("round {round}");
        let wins = join_all(sessions.iter_mut().map(|session| contend(&process, session, &id))).await;
        assert_eq!(wins.iter().filter(|won| **won).count(), 1, "one of many must win: {id}");
        assert_eq!(process.written(&id).await, 1, "an event must take effect once: {id}");
    }
}

/// Processes an event, or finds that somebody else has; conflicts begin anew.
async fn contend<S: SuiteStorage>(process: &Process<'_, S>, session: &mut Session<S>, id: &str) -> bool {
    let claim = process.claim_of(id);
    for _ in 0..CONFLICTS {
        match process.try_claim(session, &claim).await {
            Ok((mut tx, Claimed::Fresh)) => {
                process.database.write(&mut tx, id).await.expect("a business row can be written");
                process.commit(tx).await;
                return true;
            }
            Ok((tx, _)) => {
                process.roll_back(tx).await;
                return false;
            }
            Err(error) => {
                let class = process.class(&error);
                assert_eq!(
                    class,
                    Some(Class::Conflict),
                    "a race for a claim is a conflict and nothing else: {error}"
                );
            }
        }
    }
    panic!("after {CONFLICTS} conflicts a race must be decided")
}

pub(super) async fn a_waiter_is_told_what_the_first_committed<S: SuiteStorage>(database: &S) {
    let (first, second) = (process(database).await, process(database).await);
    let (mut held, mut waiting) = (first.open().await, second.open().await);
    let tx = first.work(&mut held, "1").await;
    let commit = async {
        a_moment().await;
        first.commit(tx).await;
    };
    let (won, ()) = join(contend(&second, &mut waiting, "1"), commit).await;
    assert!(!won, "whoever comes second must not process what the first has committed");
    assert_eq!(first.written("1").await, 1, "an event must take effect once");
}

pub(super) async fn a_waiter_takes_what_the_first_rolled_back<S: SuiteStorage>(database: &S) {
    let (first, second) = (process(database).await, process(database).await);
    let (mut held, mut waiting) = (first.open().await, second.open().await);
    let tx = first.work(&mut held, "1").await;
    let roll_back = async {
        a_moment().await;
        first.roll_back(tx).await;
    };
    let (won, ()) = join(contend(&second, &mut waiting, "1"), roll_back).await;
    assert!(won, "a claim that was rolled back must not keep anybody out");
    assert_eq!(first.written("1").await, 1, "an event must take effect once");
}

pub(super) async fn a_dropped_session_frees_its_claim<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    drop(process.work(&mut session, "1").await);
    drop(session);
    let mut session = process.open().await;
    let won = in_time("the claim", contend(&process, &mut session, "1")).await;
    assert!(won, "a session that is gone must not keep its claim");
    assert_eq!(process.written("1").await, 1, "what a dropped unit wrote must be undone");
    process.store.ping(&mut session).await.expect("the session that won goes on");
}
