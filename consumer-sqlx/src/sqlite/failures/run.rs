//! The marks of messages that are run after they were delivered before.

use consumer_core::{failure::RunnerId, inbox::ConsumerId, message::ClaimKey};

use crate::{
    failure_row::count,
    sqlite::{Inner, SqliteSession, writing},
};

/// Marks a message, and says how many runners have died of it.
pub(super) async fn mark(
    store: &Inner,
    session: &mut SqliteSession,
    consumer: ConsumerId,
    message: ClaimKey,
    (runner, alone): (RunnerId, bool),
) -> Result<u32, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let deaths = sqlx::query_scalar(store.sql.failures.mark.clone())
        .bind(consumer.0)
        .bind(message.as_bytes().as_slice())
        .bind(runner.0.as_bytes().as_slice())
        .bind(alone)
        .fetch_one(&mut *writing.tx)
        .await?;
    writing.commit().await?;
    Ok(count(deaths))
}

/// Takes the mark away.
pub(super) async fn clear(
    store: &Inner,
    session: &mut SqliteSession,
    consumer: ConsumerId,
    message: ClaimKey,
) -> Result<(), sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    sqlx::query(store.sql.failures.clear.clone())
        .bind(consumer.0)
        .bind(message.as_bytes().as_slice())
        .execute(&mut *writing.tx)
        .await?;
    writing.commit().await
}
