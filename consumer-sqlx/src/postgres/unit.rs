//! One unit: begin, claim, guard, flush, commit or rollback.
//!
//! Nothing here is ever dropped half way; the limits are the server's.
//!
//! A unit that sends nothing away ends in one trip: guard and commit are one text, which the driver runs inside its transaction,
//! and the transaction is dropped afterwards. That is sound because of what sqlx 0.9 does:
//!
//! - A text runs in the simple protocol. The server stops at its first error, so COMMIT is executed only after RELEASE has
//!   found the savepoint: in our transaction, which is not aborted. COMMIT therefore commits, or says why not.
//! - The text does not change the driver's depth, which is 1; `AND CHAIN` keeps that true, because the server is in a
//!   transaction again. It is empty: no snapshot, no lock, nothing that a vacuum would wait for.
//! - `Transaction::drop` at depth 1 writes ROLLBACK into the connection's buffer, sends nothing, and sets the depth to 0.
//! - Whatever comes next on the connection sends the buffer. `begin_with` writes its own text behind it before it waits for
//!   both answers, so the rollback costs no trip; every other statement waits for it first, and never runs in what was
//!   chained.
//! - Until then the session is idle in a transaction, without our limits, which ended with the commit: a worker that has
//!   nothing to do lets it [rest](consumer_core::storage::Sessions::rest).
//!
//! A handler that leaks a nested transaction (`mem::forget`) leaves the depth at 2. Its work is committed with its claim; the
//! drop sends the wrong rollback, the next `begin_with` sees the depth and refuses, and the session is replaced.

use consumer_core::{
    departures::Departures,
    fault,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, Rollback},
};
use sqlx::{Connection, PgConnection, Postgres, SqlStr, Transaction};

use super::{PgSession, classify, effects, outbox, statements, statements::Statements};
use crate::{savepoint, stored};

/// The transaction of one unit.
pub struct PgUnit<'s> {
    pub(super) tx: Transaction<'s, Postgres>,
    is_owed_a_rollback: &'s mut bool,
}

pub(super) async fn begin(session: &mut PgSession) -> Result<PgUnit<'_>, sqlx::Error> {
    let text = session.begin.clone();
    begin_with(session, text).await
}

pub(super) async fn begin_many(session: &mut PgSession) -> Result<PgUnit<'_>, sqlx::Error> {
    let text = session.begin_many.clone();
    begin_with(session, text).await
}

async fn begin_with(session: &mut PgSession, text: SqlStr) -> Result<PgUnit<'_>, sqlx::Error> {
    let PgSession { conn, is_owed_a_rollback, .. } = session;
    let tx = conn.begin_with(text).await?;
    *is_owed_a_rollback = false;
    Ok(PgUnit { tx, is_owed_a_rollback })
}

pub(super) async fn claim(
    sql: &Statements,
    unit: &mut PgUnit<'_>,
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
async fn insert(sql: &Statements, conn: &mut PgConnection, claim: &Claim) -> Result<bool, sqlx::Error> {
    let stamp = claim.stamp();
    let done = sqlx::query(sql.claim.clone())
        .bind(claim.consumer.0)
        .bind(claim.key.as_uuid())
        .bind(stamp.as_slice())
        .bind(claim.readable_id.as_deref())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find(
    sql: &Statements,
    conn: &mut PgConnection,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<StoredClaim>, sqlx::Error> {
    let row: Option<(Vec<u8>, Option<String>)> =
        sqlx::query_as(sql.find.clone()).bind(consumer.0).bind(key.as_uuid()).fetch_optional(conn).await?;
    row.map(|(stamp, readable_id)| stored::claim(&stamp, readable_id)).transpose()
}

pub(super) async fn commit(sql: &Statements, mut unit: PgUnit<'_>, departures: &Departures) -> Commit {
    if departures.is_empty() && !fault::is_mutant("no-guard") {
        return commit_in_one_trip(unit).await;
    }
    if !fault::is_mutant("no-guard") {
        match statements::run(&mut unit.tx, savepoint::RELEASE).await {
            Ok(()) => {}
            // COMMIT would answer ROLLBACK, without an error that the driver shows.
            Err(error) if classify::is_aborted(&error) => return aborted(unit, error).await,
            Err(error) if classify::is_ended(&error) => return ended(unit).await,
            Err(error) => return Commit::Lost(error.into()),
        }
    }
    if let Err(error) = send_away(sql, &mut unit.tx, departures).await {
        return refused(unit, error).await;
    }
    match fault::kill_after_sending("K6", unit.tx.commit()).await {
        Ok(()) => Commit::Done,
        Err(error) if classify::is_refusal(&error) => Commit::Refused(error.into()),
        Err(error) => Commit::Unknown(error.into()),
    }
}

/// A connection that is lost here may have been lost before the text arrived, or after: nobody knows.
async fn commit_in_one_trip(mut unit: PgUnit<'_>) -> Commit {
    match fault::kill_after_sending("K6", statements::run(&mut unit.tx, statements::END_UNIT)).await {
        Ok(()) => {
            *unit.is_owed_a_rollback = true;
            Commit::Done
        }
        Err(error) if classify::is_aborted(&error) => aborted(unit, error).await,
        Err(error) if classify::is_ended(&error) => ended(unit).await,
        Err(error) if classify::is_given_up(&error) => Commit::Lost(error.into()),
        Err(error) if classify::is_refusal(&error) => Commit::Refused(error.into()),
        Err(error) => Commit::Unknown(error.into()),
    }
}

/// Writes what a transaction of ours sends away. In a unit it comes after the guard, so never into a transaction that the
/// handler began.
pub(super) async fn send_away(
    sql: &Statements,
    conn: &mut PgConnection,
    departures: &Departures,
) -> Result<(), sqlx::Error> {
    outbox::write(sql, conn, &departures.events).await?;
    effects::write(sql, conn, &departures.intents).await
}

/// What the unit sends away cannot be written: the session goes on once the transaction is undone.
async fn refused(unit: PgUnit<'_>, error: sqlx::Error) -> Commit {
    match undo(unit).await {
        Ok(()) => Commit::Refused(error.into()),
        Err(_) => Commit::Lost(error.into()),
    }
}

/// A transaction is aborted: is it ours, or one that the handler began after it had ended ours?
async fn aborted(unit: PgUnit<'_>, error: sqlx::Error) -> Commit {
    match roll_back(unit).await {
        Rollback::Done => Commit::Aborted(error.into()),
        Rollback::Ended => Commit::Ended,
        Rollback::Lost(error) => Commit::Lost(error),
    }
}

async fn ended(unit: PgUnit<'_>) -> Commit {
    // The session is closed next, which undoes what this cannot.
    let _ = undo(unit).await;
    Commit::Ended
}

pub(super) async fn roll_back(mut unit: PgUnit<'_>) -> Rollback {
    let found = statements::run(&mut unit.tx, savepoint::ROLL_BACK_TO).await;
    let outcome = match found {
        Ok(()) => Rollback::Done,
        Err(error) if classify::is_ended(&error) => Rollback::Ended,
        Err(error) => return Rollback::Lost(error.into()),
    };
    match undo(unit).await {
        Ok(()) => outcome,
        Err(error) => Rollback::Lost(error.into()),
    }
}

/// Undoes whatever transaction is open: ours, or one that the handler began after it. After a nested begin that was
/// cancelled, the driver believes that there is none.
async fn undo(mut unit: PgUnit<'_>) -> Result<(), sqlx::Error> {
    if !unit.tx.is_in_transaction() {
        return statements::run(&mut unit.tx, savepoint::ROLL_BACK).await;
    }
    unit.tx.rollback().await
}
