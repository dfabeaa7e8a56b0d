//! One unit: begin, claim, guard, flush, commit or rollback.
//!
//! Nothing here is ever dropped half way; the limits are SQLite's.

use std::sync::Arc;

use consumer_core::{
    departures::Departures,
    fault,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, Rollback},
};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    SqliteSession, classify, effects,
    limits::Running,
    outbox,
    session::CommitGate,
    statements::{self, Statements},
};
use crate::{savepoint, stored};

/// The transaction of one unit, whose turn it is.
pub struct SqliteUnit<'s> {
    // In this order: the rollback is on its way before the running statement is interrupted and the next unit begins.
    pub(super) tx: Transaction<'s, Sqlite>,
    commit: CommitGate,
    running: Running,
    turn: OwnedMutexGuard<()>,
}

pub(super) async fn begin<'s>(
    turn: &Arc<Mutex<()>>,
    session: &'s mut SqliteSession,
) -> Result<SqliteUnit<'s>, sqlx::Error> {
    let turn = Arc::clone(turn).lock_owned().await;
    let tx = session.conn.begin_with(statements::BEGIN_UNIT).await?;
    let running = session.deadline.start(session.limit);
    Ok(SqliteUnit { tx, commit: session.commit.clone(), running, turn })
}

pub(super) async fn claim(
    sql: &Statements,
    unit: &mut SqliteUnit<'_>,
    claim: &Claim,
) -> Result<Claimed, sqlx::Error> {
    if fault::is_mutant("select-then-insert") {
        if let Some(stored) = find(sql, &mut unit.tx, claim.consumer, claim.key).await? {
            return Ok(Claimed::Taken(stored));
        }
        insert(sql, &mut unit.tx, claim).await?;
        return Ok(Claimed::Fresh);
    }
    if insert(sql, &mut unit.tx, claim).await? {
        return Ok(Claimed::Fresh);
    }
    let stored = find(sql, &mut unit.tx, claim.consumer, claim.key).await?;
    Ok(stored.map_or(Claimed::Vanished, Claimed::Taken))
}

/// Writes the claim; `false` where there is one.
async fn insert(sql: &Statements, conn: &mut SqliteConnection, claim: &Claim) -> Result<bool, sqlx::Error> {
    let stamp = claim.stamp();
    let done = sqlx::query(sql.claim.clone())
        .bind(claim.consumer.0)
        .bind(claim.key.as_bytes().as_slice())
        .bind(stamp.as_slice())
        .bind(claim.readable_id.as_deref())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find(
    sql: &Statements,
    conn: &mut SqliteConnection,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<StoredClaim>, sqlx::Error> {
    let row: Option<(Vec<u8>, Option<String>)> = sqlx::query_as(sql.find.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|(stamp, readable_id)| stored::claim(&stamp, readable_id)).transpose()
}

pub(super) async fn commit(sql: &Statements, unit: SqliteUnit<'_>, departures: &Departures) -> Commit {
    let SqliteUnit { mut tx, commit, running, turn } = unit;
    running.stop();
    if !fault::is_mutant("no-guard") {
        match statements::run(&mut tx, savepoint::RELEASE).await {
            Ok(()) => {}
            Err(error) if classify::is_ended(&error) => return ended(tx).await,
            Err(error) => return Commit::Lost(error.into()),
        }
    }
    if let Err(error) = send_away(sql, &mut tx, departures).await {
        return refused(tx, error).await;
    }
    commit.open();
    let committed = fault::kill_after_sending("K6", tx.commit()).await;
    commit.close();
    drop(turn);
    match committed {
        Ok(()) => Commit::Done,
        Err(error) if classify::is_refusal(&error) => Commit::Refused(error.into()),
        Err(error) => Commit::Unknown(error.into()),
    }
}

/// Writes what a transaction of ours sends away. In a unit it comes after the guard, so never into a transaction that the
/// handler began.
pub(super) async fn send_away(
    sql: &Statements,
    conn: &mut SqliteConnection,
    departures: &Departures,
) -> Result<(), sqlx::Error> {
    outbox::write(sql, conn, &departures.events).await?;
    effects::write(sql, conn, &departures.intents).await
}

/// What the unit sends away cannot be written: the session goes on once the transaction is undone.
async fn refused(tx: Transaction<'_, Sqlite>, error: sqlx::Error) -> Commit {
    match undo(tx).await {
        Ok(()) => Commit::Refused(error.into()),
        Err(_) => Commit::Lost(error.into()),
    }
}

async fn ended(tx: Transaction<'_, Sqlite>) -> Commit {
    // The session is closed next, which undoes what this cannot.
    let _ = undo(tx).await;
    Commit::Ended
}

pub(super) async fn roll_back(unit: SqliteUnit<'_>) -> Rollback {
    let SqliteUnit { mut tx, running, turn: _turn, .. } = unit;
    running.stop();
    let found = statements::run(&mut tx, savepoint::ROLL_BACK_TO).await;
    let outcome = match found {
        Ok(()) => Rollback::Done,
        Err(error) if classify::is_ended(&error) => Rollback::Ended,
        Err(error) => return Rollback::Lost(error.into()),
    };
    match undo(tx).await {
        Ok(()) => outcome,
        Err(error) => Rollback::Lost(error.into()),
    }
}

/// Undoes whatever transaction is open: ours, or one that the handler began after it. There may be none, which SQLite
/// calls an error; then nothing is left to undo.
async fn undo(tx: Transaction<'_, Sqlite>) -> Result<(), sqlx::Error> {
    match tx.rollback().await {
        Err(error) if classify::is_idle(&error) => Ok(()),
        other => other,
    }
}
