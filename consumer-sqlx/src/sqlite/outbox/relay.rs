//! What relays do with rows: lease, renew, settle.

use std::time::Duration;

use consumer_core::{
    effect::error_text,
    outbox::{Fate, OutboxRow, Position, Settled},
    storage::RelayId,
};
use sqlx::SqliteConnection;

use crate::{
    outbox_row::{json, millis, read},
    sqlite::{Inner, SqliteSession, statements::Statements, writing},
};

/// Leases rows. Where there is none to lease, it costs one look.
pub(super) async fn lease(
    store: &Inner,
    session: &mut SqliteSession,
    relay: RelayId,
    lease: Duration,
    limit: u32,
) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let sql = &store.sql.outbox;
    if !sqlx::query_scalar(sql.probe.clone()).fetch_one(&mut *session.conn).await? {
        return Ok(Vec::new());
    }
    let mut writing = writing::begin(store, session).await?;
    let rows = sqlx::query(sql.lease.clone())
        .bind(relay.0.as_bytes().as_slice())
        .bind(millis(lease))
        .bind(i64::from(limit))
        .fetch_all(&mut *writing.tx)
        .await?;
    writing.commit().await?;
    let mut rows = rows.iter().map(|row| read!(Columns, row).row()).collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable_by_key(|row| row.position);
    Ok(rows)
}

pub(super) async fn renew(
    store: &Inner,
    session: &mut SqliteSession,
    relay: RelayId,
    lease: Duration,
    rows: &[Position],
) -> Result<(), sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    sqlx::query(store.sql.outbox.renew.clone())
        .bind(relay.0.as_bytes().as_slice())
        .bind(millis(lease))
        .bind(json(rows.iter().map(|position| position.0)))
        .execute(&mut *writing.tx)
        .await?;
    writing.commit().await
}

/// Writes what became of rows.
pub(super) async fn settle(
    store: &Inner,
    session: &mut SqliteSession,
    relay: RelayId,
    rows: &[Settled],
) -> Result<(), sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let of = |fate: Fate| json(rows.iter().filter(|row| row.fate == fate).map(|row| row.position.0));
    let (sent, free) = (&store.sql.outbox.sent, &store.sql.outbox.free);
    sqlx::query(sent.clone()).bind(of(Fate::Sent)).execute(&mut *writing.tx).await?;
    sqlx::query(free.clone())
        .bind(relay.0.as_bytes().as_slice())
        .bind(of(Fate::Untouched))
        .execute(&mut *writing.tx)
        .await?;
    for row in rows {
        hold(&store.sql, &mut writing.tx, relay, row).await?;
    }
    writing.commit().await
}

/// Holds a row that was refused or is parked, and with it its lane.
async fn hold(
    sql: &Statements,
    conn: &mut SqliteConnection,
    relay: RelayId,
    row: &Settled,
) -> Result<(), sqlx::Error> {
    let (statement, error, wait) = match &row.fate {
        Fate::Refused { wait, error } => (&sql.outbox.refuse, error, Some(millis(*wait))),
        Fate::Parked { error } => (&sql.outbox.park, error, None),
        Fate::Sent | Fate::Untouched => return Ok(()),
    };
    let query = sqlx::query(statement.clone())
        .bind(relay.0.as_bytes().as_slice())
        .bind(row.position.0)
        .bind(error_text(error));
    let query = match wait {
        Some(wait) => query.bind(wait),
        None => query,
    };
    query.execute(conn).await.map(drop)
}
