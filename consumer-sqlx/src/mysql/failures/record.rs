//! One failure record: counting, and what people do to it.

use consumer_core::{
    failure::{FailureRecord, News},
    inbox::ConsumerId,
    message::ClaimKey,
};
use sqlx::{MySqlConnection, SqlStr};

use super::super::statements::Statements;
use crate::{
    effect_row::span,
    failure_row::{TRIES, columns, number, reason},
    mysql::{
        MySqlSession, classify,
        statements::{COMMIT, run},
    },
    savepoint::ROLL_BACK,
};

/// Counts a failure. Whoever writes the first one of an event at the same time as somebody else reads what the other has
/// written, in a transaction of its own: an insert that fails keeps a shared lock of the row, and two who hold one cannot
/// both go on to write.
pub(super) async fn record(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    key: ClaimKey,
    news: &News<'_>,
) -> Result<FailureRecord, sqlx::Error> {
    let conn = session.awake().await?;
    let mut again = 1..TRIES;
    loop {
        match count(sql, conn, consumer, key, news).await {
            Ok(record) => {
                run(conn, COMMIT).await?;
                return Ok(record);
            }
            Err(error) if was_slower(&error) && again.next().is_some() => run(conn, ROLL_BACK).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Whether somebody else has written first.
fn was_slower(error: &sqlx::Error) -> bool {
    classify::is_taken(error) || classify::is_deadlock(error)
}

/// Writes the record after one more failure.
async fn count(
    sql: &Statements,
    conn: &mut MySqlConnection,
    consumer: ConsumerId,
    key: ClaimKey,
    news: &News<'_>,
) -> Result<FailureRecord, sqlx::Error> {
    let before = lock(sql, conn, consumer, key).await?;
    let statement = if before.is_some() { &sql.failures.update } else { &sql.failures.insert };
    let record = FailureRecord::after(before, news);
    write(statement, conn, consumer, key, &record).await?;
    Ok(record)
}

/// Reads a record that nobody else changes until the transaction has ended.
async fn lock(
    sql: &Statements,
    conn: &mut MySqlConnection,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<FailureRecord>, sqlx::Error> {
    let row = sqlx::query(sql.failures.lock.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(columns!(&row).read())).transpose()
}

async fn write(
    statement: &SqlStr,
    conn: &mut MySqlConnection,
    consumer: ConsumerId,
    key: ClaimKey,
    record: &FailureRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query(statement.clone())
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
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .execute(conn)
        .await
        .map(drop)
}

/// Resets or resolves a record; `false` where there is none.
pub(super) async fn change(
    statement: &SqlStr,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<bool, sqlx::Error> {
    let conn = session.awake().await?;
    let done = sqlx::query(statement.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .execute(&mut *conn)
        .await?;
    run(conn, COMMIT).await?;
    Ok(done.rows_affected() == 1)
}
