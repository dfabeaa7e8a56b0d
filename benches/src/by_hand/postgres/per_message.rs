//! The best consumer of single messages by hand: claim first, 32 in flight, acknowledge after the commit.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use lapin::{message::Delivery, options::BasicAckOptions};
use sqlx::{PgPool, postgres::PgPoolOptions};

use super::super::{
    consuming::consume,
    message::{Received, read},
};
use crate::stage::Stage;

/// Messages in work, each on a connection of its own. With 16 the disk has time left, with 64 the locks have none.
const IN_FLIGHT: u32 = 32;
/// Enough to keep all busy while acknowledgements travel.
const PREFETCH: u16 = 128;

/// Consumes until the run is over.
pub async fn run(stage: Stage) -> Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(IN_FLIGHT)
        // A ping before each transaction would cost as much as a statement; a dead connection shows by itself.
        .test_before_acquire(false)
        .connect(&stage.database)
        .await?;
    let (connection, _channel, consumer) = consume(&stage, PREFETCH).await?;
    let deliveries = consumer.take_until(stage.over()).err_into();
    deliveries
        .try_for_each_concurrent(IN_FLIGHT as usize, |delivery| {
            let seeing_through = tokio::spawn(see_through(stage.clone(), pool.clone(), delivery));
            async { seeing_through.await? }
        })
        .await?;
    Ok(connection.close(200, "".into()).await?)
}

async fn see_through(stage: Stage, pool: PgPool, delivery: Delivery) -> Result<()> {
    let received = read(&delivery)?;
    handle(&pool, &received).await?;
    stage.through(received.id);
    Ok(delivery.ack(BasicAckOptions::default()).await.map(drop)?)
}

async fn handle(pool: &PgPool, received: &Received) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    let claimed = sqlx::query("INSERT INTO processed (message_id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(received.id)
        .execute(&mut *tx)
        .await?;
    if claimed.rows_affected() == 0 {
        return tx.rollback().await;
    }
    let payment = &received.payment;
    sqlx::query("INSERT INTO payments (id, account, cents) VALUES ($1, $2, $3)")
        .bind(payment.payment)
        .bind(payment.account)
        .bind(payment.amount_cents)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE balances SET cents = cents + $1 WHERE account = $2")
        .bind(payment.amount_cents)
        .bind(payment.account)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
