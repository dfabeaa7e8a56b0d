//! One failure record: counting, and what people do to it.

use consumer_core::{
    failure::{FailureRecord, News},
    inbox::ConsumerId,
    message::ClaimKey,
};
use sqlx::{PgConnection, SqlStr};

use super::super::statements::Statements;
use crate::{
    effect_row::span,
    failure_row::{TRIES, columns, number, reason},
    postgres::{PgSession, unit},
};

/// Counts a failure. Whoever writes the first one of an event at the same time as somebody else reads what the other has
/// written.
pub(super) async fn record(
    sql: &Statements,
    session: &mut PgSession,
    consumer: ConsumerId,
    key: ClaimKey,
    news: &News<'_>,
) -> Result<FailureRecord, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    for _ in 0..TRIES {
        let before = lock(sql, &mut tx, consumer, key).await?;
        let statement = if before.is_some() { &sql.failures.update } else { &sql.failures.insert };
        let record = FailureRecord::after(before, news);
        if write(statement, &mut tx, consumer, key, &record).await? {
            tx.commit().await?;
            return Ok(record);
        }
    }
    // Somebody takes it away as often as somebody else writes it.
    Err(sqlx::Error::RowNotFound)
}

/// Reads a record that nobody else changes until the transaction has ended.
async fn lock(
    sql: &Statements,
    conn: &mut PgConnection,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<FailureRecord>, sqlx::Error> {
    let row = sqlx::query(sql.failures.lock.clone())
        .bind(consumer.0)
        .bind(key.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(columns!(&row).read())).transpose()
}

/// Writes a record; `false` where a new one is there already.
async fn write(
    statement: &SqlStr,
    conn: &mut PgConnection,
    consumer: ConsumerId,
    key: ClaimKey,
    record: &FailureRecord,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(statement.clone())
        .bind(consumer.0)
        .bind(key.as_uuid())
        .bind(number(record.generation))
        .bind(number(record.attempts))
        .bind(number(record.delays))
        .bind(record.state.as_str())
        .bind(reason(record))
        .bind(&record.class)
        .bind(&record.error)
        .bind(&record.event_id)
        .bind(&record.event_type)
        .bind(record.not_before.map(span))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Resets or resolves a record; `false` where there is none.
pub(super) async fn change(
    statement: &SqlStr,
    session: &mut PgSession,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<bool, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let done = sqlx::query(statement.clone()).bind(consumer.0).bind(key.as_uuid()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}
