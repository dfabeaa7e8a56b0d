//! One unit: begin, claim, guard, flush, commit or rollback.
//!
//! Nothing here is ever dropped half way; the limits are the server's.
//!
//! Guard and commit are two trips, other than on PostgreSQL. In one text they would save none: sqlx waits for the answer to the
//! rollback that a dropped transaction has queued before it sends anything else, so the next unit would begin a trip later.

use consumer_core::{
    departures::Departures,
    fault,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, Rollback},
};
use sqlx::{Connection, MySql, MySqlConnection, Transaction};

use super::{MySqlSession, classify, effects, outbox, statements, statements::Statements};
use crate::{savepoint, stored};

/// The transaction of one unit.
pub struct MySqlUnit<'s> {
    pub(super) tx: Transaction<'s, MySql>,
}

pub(super) async fn begin(session: &mut MySqlSession) -> Result<MySqlUnit<'_>, sqlx::Error> {
    let tx = session.awake().await?.begin_with(statements::BEGIN_UNIT).await?;
    Ok(MySqlUnit { tx })
}

pub(super) async fn claim(
    sql: &Statements,
    unit: &mut MySqlUnit<'_>,
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
///
/// `INSERT IGNORE` and `ON DUPLICATE KEY UPDATE` would not do: the first also swallows a value that does not fit, the
/// second reports one row either way, because the driver asks the server for rows found. A statement that fails leaves
/// the transaction as it was.
async fn insert(sql: &Statements, conn: &mut MySqlConnection, claim: &Claim) -> Result<bool, sqlx::Error> {
    let stamp = claim.stamp();
    let done = sqlx::query(sql.claim.clone())
        .bind(claim.consumer.0)
        .bind(claim.key.as_bytes().as_slice())
        .bind(stamp.as_slice())
        .bind(claim.readable_id.as_deref())
        .execute(conn)
        .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if classify::is_taken(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) async fn find(
    sql: &Statements,
    conn: &mut MySqlConnection,
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

/// Finds a claim outside a unit. Without autocommit, the look begins a transaction that has to end.
pub(super) async fn look_up(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<StoredClaim>, sqlx::Error> {
    let found = find(sql, session.awake().await?, consumer, key).await?;
    statements::run(&mut session.conn, savepoint::ROLL_BACK).await?;
    Ok(found)
}

pub(super) async fn commit(sql: &Statements, mut unit: MySqlUnit<'_>, departures: &Departures) -> Commit {
    if !fault::is_mutant("no-guard") {
        match statements::run(&mut unit.tx, savepoint::RELEASE).await {
            Ok(()) => {}
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
    conn: &mut MySqlConnection,
    departures: &Departures,
) -> Result<(), sqlx::Error> {
    outbox::write(sql, conn, &departures.events).await?;
    effects::write(sql, conn, &departures.intents).await
}

/// What the unit sends away cannot be written: the session goes on once the transaction is undone.
async fn refused(unit: MySqlUnit<'_>, error: sqlx::Error) -> Commit {
    match undo(unit).await {
        Ok(()) => Commit::Refused(error.into()),
        Err(_) => Commit::Lost(error.into()),
    }
}

async fn ended(unit: MySqlUnit<'_>) -> Commit {
    // The session is closed next, which undoes what this cannot.
    let _ = undo(unit).await;
    Commit::Ended
}

pub(super) async fn roll_back(mut unit: MySqlUnit<'_>) -> Rollback {
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
async fn undo(mut unit: MySqlUnit<'_>) -> Result<(), sqlx::Error> {
    if !unit.tx.is_in_transaction() {
        return statements::run(&mut unit.tx, savepoint::ROLL_BACK).await;
    }
    unit.tx.rollback().await
}
