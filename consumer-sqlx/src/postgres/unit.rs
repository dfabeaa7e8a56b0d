//! One unit: begin, claim, guard, flush, commit or rollback.
//!
//! Nothing here is ever dropped half way; the limits are the server's.

use consumer_core::{
    departures::Departures,
    fault,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, Rollback},
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::{PgSession, classify, effects, outbox, statements, statements::Statements};
use crate::{savepoint, stored};

/// The transaction of one unit.
pub struct PgUnit<'s> {
    pub(super) tx: Transaction<'s, Postgres>,
}

pub(super) async fn begin(session: &mut PgSession) -> Result<PgUnit<'_>, sqlx::Error> {
    let tx = session.conn.begin_with(session.begin.clone()).await?;
    Ok(PgUnit { tx })
}

pub(super) async fn begin_many(session: &mut PgSession) -> Result<PgUnit<'_>, sqlx::Error> {
    let tx = session.conn.begin_with(session.begin_many.clone()).await?;
    Ok(PgUnit { tx })
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
