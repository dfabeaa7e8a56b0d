//! The marks of messages that are run after they were delivered before.

use consumer_core::{failure::RunnerId, inbox::ConsumerId, message::ClaimKey};

use super::super::statements::Statements;
use crate::{
    failure_row::count,
    postgres::{PgSession, unit},
};

/// Marks a message, and says how many runners have died of it.
pub(super) async fn mark(
    sql: &Statements,
    session: &mut PgSession,
    consumer: ConsumerId,
    message: ClaimKey,
    (runner, alone): (RunnerId, bool),
) -> Result<u32, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let deaths = sqlx::query_scalar(sql.failures.mark.clone())
        .bind(consumer.0)
        .bind(message.as_uuid())
        .bind(runner.0)
        .bind(alone)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(count(deaths))
}

/// Takes the mark away.
pub(super) async fn clear(
    sql: &Statements,
    session: &mut PgSession,
    consumer: ConsumerId,
    message: ClaimKey,
) -> Result<(), sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    sqlx::query(sql.failures.clear.clone())
        .bind(consumer.0)
        .bind(message.as_uuid())
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
