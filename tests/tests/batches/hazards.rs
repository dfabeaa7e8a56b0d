//! What one handler does to the transaction of a batch: its neighbours are neither lost nor processed twice.

use std::collections::BTreeMap;

use consumer_tests::backend::Backend;

use crate::{
    Mode,
    yard::{Left, Yard, instruction},
};

/// Events of a batch.
const BATCH: usize = 64;
/// The place of the one that does harm.
const CULPRIT: usize = 20;

/// One handler of a batch does this; what is left of the batch.
async fn one_of_many(yard: &mut Yard, what: &str) -> (String, Left) {
    let id = |nth: usize| format!("{what}-{nth:02}");
    let message = |nth| instruction(&id(nth), if nth == CULPRIT { what } else { "works" });
    let mut left = yard.play((0..BATCH).map(message).collect()).await;
    yard.assert_claimed(&left).await;
    left.effects.retain(|effect, _| effect[..effect.len() - 3] == *what);
    left.dead.retain(|dead, _| dead[..dead.len() - 3] == *what);
    let twice: Vec<_> = left.effects.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{yard}, {what}: took effect more than once: {twice:?}");
    let lost = |id: &String| !left.effects.contains_key(id) && !left.dead.contains_key(id);
    let lost: Vec<_> = (0..BATCH).map(id).filter(lost).collect();
    assert!(lost.is_empty(), "{yard}, {what}: lost {lost:?}");
    (id(CULPRIT), left)
}

/// The culprit is dead, and nobody else is: the others took effect.
fn assert_only_the_culprit_is_dead(yard: &Yard, culprit: &str, left: &Left, reason: &str) {
    let expected = BTreeMap::from([(culprit.to_owned(), vec![reason.to_owned()])]);
    assert_eq!(left.dead, expected, "{yard}");
    assert!(!left.effects.contains_key(culprit), "{yard}");
    assert_eq!(left.effects.len(), BATCH - 1, "{yard}");
}

/// A batch came to nothing before: the handlers before the culprit were called for it too.
fn assert_was_a_batch(yard: &Yard, culprit: &str) {
    let counts = yard.log.counts();
    let neighbour = format!("{}-00", &culprit[..culprit.len() - 3]);
    assert_eq!(counts[&neighbour], 2, "{yard}: once in the batch and once alone");
}

/// Each in a yard of its own: after a batch that came to nothing the next ones are smaller.
async fn on_each(instructions: &[&str], check: impl AsyncFn(&mut Yard, &str)) {
    for backend in Backend::ALL {
        on(backend, instructions, &check).await;
    }
}

async fn on(backend: Backend, instructions: &[&str], check: &impl AsyncFn(&mut Yard, &str)) {
    for mode in Mode::ALL {
        for what in instructions {
            let Some(mut yard) = Yard::open(backend, mode).await else { continue };
            check(&mut yard, what).await;
            yard.close().await;
        }
    }
}

/// PostgreSQL and MariaDB commit the claims of all, and nobody knows how much of the work; SQLite refuses.
#[tokio::test]
async fn a_commit_inside_a_batch_loses_nothing_and_doubles_nothing() {
    on_each(&["commits", "commits-and-fails"], async |yard, what| {
        let (culprit, left) = one_of_many(yard, what).await;
        if yard.backend == Backend::Sqlite {
            return assert_only_the_culprit_is_dead(yard, &culprit, &left, "attempts-exhausted");
        }
        assert_eq!(left.dead.len(), BATCH, "{yard}, {what}: each claim is committed");
        let is_ended = |reason: &String| reason == "transaction-ended";
        assert!(left.dead.values().flatten().all(is_ended), "{yard}, {what}: {:?}", left.dead);
    })
    .await;
}

async fn rolls_back(backend: Backend) {
    on(backend, &["rolls-back", "rolls-back-and-fails"], &async |yard: &mut Yard, what: &str| {
        let (culprit, left) = one_of_many(yard, what).await;
        assert_only_the_culprit_is_dead(yard, &culprit, &left, "attempts-exhausted");
        assert_was_a_batch(yard, &culprit);
    })
    .await;
}

/// Whatever runs after it is in no transaction.
#[tokio::test]
async fn a_rollback_inside_a_batch_doubles_no_neighbour_on_postgres() {
    rolls_back(Backend::Postgres).await;
}

#[tokio::test]
async fn a_rollback_inside_a_batch_doubles_no_neighbour_on_mysql() {
    rolls_back(Backend::MySql).await;
}

#[tokio::test]
async fn a_rollback_inside_a_batch_doubles_no_neighbour_on_sqlite() {
    rolls_back(Backend::Sqlite).await;
}

/// PostgreSQL has aborted the transaction; the others have only undone the statement.
#[tokio::test]
async fn a_swallowed_constraint_error_harms_no_neighbour() {
    on_each(&["swallows"], async |yard, what| {
        let (culprit, left) = one_of_many(yard, what).await;
        if yard.backend == Backend::Postgres {
            assert_only_the_culprit_is_dead(yard, &culprit, &left, "attempts-exhausted");
            return assert_was_a_batch(yard, &culprit);
        }
        assert!(left.dead.is_empty(), "{yard}: {:?}", left.dead);
        assert_eq!(left.effects.len(), BATCH, "{yard}");
    })
    .await;
}

#[tokio::test]
async fn one_poison_event_among_many_is_dead_alone() {
    on_each(&["poison"], async |yard, what| {
        let (culprit, left) = one_of_many(yard, what).await;
        assert_only_the_culprit_is_dead(yard, &culprit, &left, "permanent");
        assert_was_a_batch(yard, &culprit);
        assert_eq!(yard.log.counts()[&culprit], 2, "{yard}: once in the batch and once alone");
    })
    .await;
}
