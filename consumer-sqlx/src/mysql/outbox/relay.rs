//! What relays do with rows: lease, renew, settle.

use std::{collections::HashSet, time::Duration};

use consumer_core::{
    effect::error_text,
    outbox::{Fate, OutboxRow, Position, Settled},
    storage::RelayId,
};
use sqlx::{Executor, MySqlConnection, Row};

use super::statements::{about, committed};
use crate::{
    mysql::{
        MySqlSession,
        statements::{Statements, run},
    },
    outbox_row::{micros, read},
};

/// Leases rows. Where there is none to lease, it costs one look.
pub(super) async fn lease(
    sql: &Statements,
    session: &mut MySqlSession,
    relay: RelayId,
    lease: Duration,
    limit: u32,
) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let conn = session.awake().await?;
    if conn.fetch_all(committed([&sql.outbox.probe])).await?.is_empty() {
        return Ok(Vec::new());
    }
    queue(sql, conn).await?;
    let rows = sqlx::query(sql.outbox.pick.clone()).bind(limit).fetch_all(&mut *conn).await?;
    let rows = rows.iter().map(|row| read!(Columns, row).row()).collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() {
        run(conn, "COMMIT").await?;
        return Ok(rows);
    }
    let update = about(&sql.outbox.lease, positions(&rows), Some(relay), micros(lease));
    let done = conn.execute(committed([&update])).await?;
    match done.rows_affected() == rows.len() as u64 {
        true => Ok(rows),
        false => still_ours(sql, conn, relay, rows).await,
    }
}

fn positions(rows: &[OutboxRow]) -> impl Iterator<Item = i64> {
    rows.iter().map(|row| row.position.0)
}

/// Waits for the other relays, who lease one after the other: the statements that follow see what the one before has
/// committed.
async fn queue(sql: &Statements, conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    conn.fetch_one(sql.outbox.queue.clone()).await.map(drop)
}

/// The rows that were leased: some were confirmed or given up since they were picked.
async fn still_ours(
    sql: &Statements,
    conn: &mut MySqlConnection,
    relay: RelayId,
    rows: Vec<OutboxRow>,
) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let look = about(&sql.outbox.leased, positions(&rows), Some(relay), 0);
    let found = conn.fetch_all(committed([&look])).await?;
    let ours: HashSet<i64> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(rows.into_iter().filter(|row| ours.contains(&row.position.0)).collect())
}

pub(super) async fn renew(
    sql: &Statements,
    session: &mut MySqlSession,
    relay: RelayId,
    lease: Duration,
    rows: &[Position],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let conn = session.awake().await?;
    queue(sql, conn).await?;
    let rows = rows.iter().map(|position| position.0);
    run(conn, committed([&about(&sql.outbox.renew, rows, Some(relay), micros(lease))])).await
}

/// Writes what became of rows. What was sent needs no lock of the relays', and is all there is on a good day.
pub(super) async fn settle(
    sql: &Statements,
    session: &mut MySqlSession,
    relay: RelayId,
    rows: &[Settled],
) -> Result<(), sqlx::Error> {
    let of = |fate: Fate| rows.iter().filter(move |row| row.fate == fate).map(|row| row.position.0);
    let mut texts = Vec::new();
    if of(Fate::Sent).next().is_some() {
        texts.push(about(&sql.outbox.sent, of(Fate::Sent), None, 0));
    }
    if of(Fate::Untouched).next().is_some() {
        texts.push(about(&sql.outbox.free, of(Fate::Untouched), Some(relay), 0));
    }
    let conn = session.awake().await?;
    if rows.iter().any(|row| row.fate != Fate::Sent) {
        queue(sql, conn).await?;
    }
    for row in rows {
        hold(sql, conn, relay, row).await?;
    }
    run(conn, committed(&texts)).await
}

/// Holds a row that was refused or is parked, and with it its lane.
async fn hold(
    sql: &Statements,
    conn: &mut MySqlConnection,
    relay: RelayId,
    row: &Settled,
) -> Result<(), sqlx::Error> {
    let query = match &row.fate {
        Fate::Refused { wait, error } => {
            sqlx::query(sql.outbox.refuse.clone()).bind(micros(*wait)).bind(error_text(error))
        }
        Fate::Parked { error } => sqlx::query(sql.outbox.park.clone()).bind(error_text(error)),
        Fate::Sent | Fate::Untouched => return Ok(()),
    };
    query.bind(row.position.0).bind(relay.0.as_bytes().as_slice()).execute(conn).await.map(drop)
}
