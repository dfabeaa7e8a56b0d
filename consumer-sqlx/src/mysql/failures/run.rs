//! The marks of messages that are run after they were delivered before.

use consumer_core::{failure::RunnerId, inbox::ConsumerId, message::ClaimKey};
use sqlx::MySqlConnection;

use super::super::statements::Statements;
use crate::{
    failure_row::{TRIES, count},
    mysql::{
        MySqlSession, classify,
        statements::{COMMIT, run},
    },
    savepoint::ROLL_BACK,
};

/// Marks a message, and says how many runners have died of it. Of several who wait for one who rolls back, one may become
/// the victim of a deadlock, and marks it again.
pub(super) async fn mark(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    message: ClaimKey,
    (runner, alone): (RunnerId, bool),
) -> Result<u32, sqlx::Error> {
    let conn = session.awake().await?;
    for _ in 1..TRIES {
        match write(sql, conn, consumer, message, (runner, alone)).await {
            Err(error) if classify::is_deadlock(&error) => run(conn, ROLL_BACK).await?,
            other => return other,
        }
    }
    write(sql, conn, consumer, message, (runner, alone)).await
}

async fn write(
    sql: &Statements,
    conn: &mut MySqlConnection,
    consumer: ConsumerId,
    message: ClaimKey,
    (runner, alone): (RunnerId, bool),
) -> Result<u32, sqlx::Error> {
    let runner = runner.0.as_bytes().as_slice();
    sqlx::query(sql.failures.mark.clone())
        .bind(consumer.0)
        .bind(message.as_bytes().as_slice())
        .bind(runner)
        .bind(runner)
        .bind(runner)
        .bind(alone)
        .bind(runner)
        .execute(&mut *conn)
        .await?;
    let deaths = sqlx::query_scalar(sql.failures.deaths.clone())
        .bind(consumer.0)
        .bind(message.as_bytes().as_slice())
        .fetch_one(&mut *conn)
        .await?;
    run(conn, COMMIT).await?;
    Ok(count(deaths))
}

/// Takes the mark away.
pub(super) async fn clear(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    message: ClaimKey,
) -> Result<(), sqlx::Error> {
    let conn = session.awake().await?;
    sqlx::query(sql.failures.clear.clone())
        .bind(consumer.0)
        .bind(message.as_bytes().as_slice())
        .execute(&mut *conn)
        .await?;
    run(conn, COMMIT).await
}
