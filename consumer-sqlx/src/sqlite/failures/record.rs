//! One failure record: counting, and what people do to it.

use consumer_core::{
    failure::{FailureRecord, News},
    inbox::ConsumerId,
    message::ClaimKey,
};
use sqlx::{SqlStr, SqliteConnection};

use super::{super::statements::Statements, find};
use crate::{
    failure_row::{number, reason},
    outbox_row::millis,
    sqlite::{Inner, SqliteSession, writing},
};

/// Counts a failure. There is one writer at a time, so nobody else writes what was read.
pub(super) async fn record(
    store: &Inner,
    session: &mut SqliteSession,
    consumer: ConsumerId,
    key: ClaimKey,
    news: &News<'_>,
) -> Result<FailureRecord, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let before = find(&store.sql, &mut writing.tx, consumer, key).await?;
    let record = FailureRecord::after(before, news);
    write(&store.sql, &mut writing.tx, consumer, key, &record).await?;
    writing.commit().await?;
    Ok(record)
}

async fn write(
    sql: &Statements,
    conn: &mut SqliteConnection,
    consumer: ConsumerId,
    key: ClaimKey,
    record: &FailureRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.failures.write.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .bind(number(record.generation))
        .bind(number(record.attempts))
        .bind(number(record.delays))
        .bind(record.state.as_str())
        .bind(reason(record))
        .bind(&record.class)
        .bind(&record.error)
        .bind(&record.event_id)
        .bind(&record.event_type)
        .bind(record.not_before.map(millis))
        .execute(conn)
        .await
        .map(drop)
}

/// Resets or resolves a record; `false` where there is none.
pub(super) async fn change(
    store: &Inner,
    statement: &SqlStr,
    session: &mut SqliteSession,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<bool, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let done = sqlx::query(statement.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .execute(&mut *writing.tx)
        .await?;
    writing.commit().await?;
    Ok(done.rows_affected() == 1)
}
