//! What relays do with rows: lease, renew, settle.

use std::time::Duration;

use consumer_core::{
    effect::error_text,
    outbox::{Fate, OutboxRow, Position, Settled},
    storage::RelayId,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Transaction};

use crate::{
    outbox_row::{micros, read},
    postgres::{PgSession, statements::Statements, unit},
};

/// Leases rows. Where there is none to lease, it costs one look.
pub(super) async fn lease(
    sql: &Statements,
    session: &mut PgSession,
    relay: RelayId,
    lease: Duration,
    limit: u32,
) -> Result<Vec<OutboxRow>, sqlx::Error> {
    if !sqlx::query_scalar(sql.outbox.probe.clone()).fetch_one(&mut *session.conn).await? {
        return Ok(Vec::new());
    }
    let mut tx = begin(sql, session).await?;
    let rows = sqlx::query(sql.outbox.lease.clone())
        .bind(relay.0)
        .bind(micros(lease))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let mut rows = rows.iter().map(|row| read!(Columns, row).row()).collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable_by_key(|row| row.position);
    Ok(rows)
}

/// A transaction in which no other relay leases: the statements that follow see what the one before has committed.
async fn begin<'s>(
    sql: &Statements,
    session: &'s mut PgSession,
) -> Result<Transaction<'s, Postgres>, sqlx::Error> {
    let text = format!("{}; {}", session.begin.as_str(), sql.outbox.queue);
    session.conn.begin_with(AssertSqlSafe(text)).await
}

pub(super) async fn renew(
    sql: &Statements,
    session: &mut PgSession,
    relay: RelayId,
    lease: Duration,
    rows: &[Position],
) -> Result<(), sqlx::Error> {
    let mut tx = begin(sql, session).await?;
    sqlx::query(sql.outbox.renew.clone())
        .bind(relay.0)
        .bind(micros(lease))
        .bind(rows.iter().map(|position| position.0).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Writes what became of rows. What was sent needs no lock of the relays', and is all there is on a good day.
pub(super) async fn settle(
    sql: &Statements,
    session: &mut PgSession,
    relay: RelayId,
    rows: &[Settled],
) -> Result<(), sqlx::Error> {
    let (was_sent, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.fate == Fate::Sent);
    if others.is_empty() {
        let mut tx = unit::begin(session).await?.tx;
        sent(sql, &mut tx, &was_sent).await?;
        return tx.commit().await;
    }
    let mut tx = begin(sql, session).await?;
    sent(sql, &mut tx, &was_sent).await?;
    hold_or_free(sql, &mut tx, relay, &others).await?;
    tx.commit().await
}

async fn sent(sql: &Statements, conn: &mut PgConnection, rows: &[&Settled]) -> Result<(), sqlx::Error> {
    let positions: Vec<i64> = rows.iter().map(|row| row.position.0).collect();
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query(sql.outbox.sent.clone()).bind(positions).execute(conn).await.map(drop)
}

async fn hold_or_free(
    sql: &Statements,
    conn: &mut PgConnection,
    relay: RelayId,
    rows: &[&Settled],
) -> Result<(), sqlx::Error> {
    let (mut waits, mut parked, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let (wait, error) = match &row.fate {
            Fate::Refused { wait, error } => (Some(micros(*wait)), Some(error_text(error))),
            Fate::Parked { error } => (None, Some(error_text(error))),
            Fate::Untouched | Fate::Sent => (None, None),
        };
        waits.push(wait);
        parked.push(matches!(row.fate, Fate::Parked { .. }));
        errors.push(error);
    }
    sqlx::query(sql.outbox.settle.clone())
        .bind(relay.0)
        .bind(rows.iter().map(|row| row.position.0).collect::<Vec<_>>())
        .bind(waits)
        .bind(parked)
        .bind(errors.iter().map(|error| error.as_deref()).collect::<Vec<_>>())
        .execute(conn)
        .await
        .map(drop)
}
