//! The consumer of every tutorial: one message at a time, look whether it is there, then insert.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use lapin::options::BasicAckOptions;
use sqlx::MySqlPool;

use super::super::{
    consuming::consume,
    message::{Received, read},
};
use crate::stage::Stage;

/// Consumes until the run is over.
pub async fn run(stage: Stage) -> Result<()> {
    let pool = MySqlPool::connect(&stage.database).await?;
    let (connection, _channel, consumer) = consume(&stage, 1).await?;
    let mut deliveries = consumer.take_until(stage.over());
    while let Some(delivery) = deliveries.try_next().await? {
        let received = read(&delivery)?;
        handle(&pool, &received).await?;
        stage.through(received.id);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(connection.close(200, "".into()).await?)
}

async fn handle(pool: &MySqlPool, received: &Received) -> Result<()> {
    let mut tx = pool.begin().await?;
    let seen = sqlx::query_scalar::<_, i32>("SELECT 1 FROM processed WHERE message_id = ?")
        .bind(received.id)
        .fetch_optional(&mut *tx)
        .await?;
    if seen.is_some() {
        return Ok(tx.rollback().await?);
    }
    let payment = &received.payment;
    sqlx::query("INSERT INTO processed (message_id) VALUES (?)").bind(received.id).execute(&mut *tx).await?;
    sqlx::query("INSERT INTO payments (id, account, cents) VALUES (?, ?, ?)")
        .bind(payment.payment)
        .bind(payment.account)
        .bind(payment.amount_cents)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE balances SET cents = cents + ? WHERE account = ?")
        .bind(payment.amount_cents)
        .bind(payment.account)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}
