//! The best consumer of single messages by hand: one writer, claim first, acknowledge after the commit.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use lapin::{message::Delivery, options::BasicAckOptions};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::super::{
    consuming::consume,
    message::{Received, read},
};
use crate::stage::Stage;

/// Messages in work. There is one writer: the others are read and acknowledged meanwhile.
const IN_FLIGHT: usize = 4;
const PREFETCH: u16 = 128;

/// Consumes until the run is over.
pub async fn run(stage: Stage) -> Result<()> {
    let options: SqliteConnectOptions = stage.database.parse()?;
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let pool =
        SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options).await?;
    let (connection, _channel, consumer) = consume(&stage, PREFETCH).await?;
    let deliveries = consumer.take_until(stage.over()).err_into();
    deliveries
        .try_for_each_concurrent(IN_FLIGHT, |delivery| {
            let seeing_through = tokio::spawn(see_through(stage.clone(), pool.clone(), delivery));
            async { seeing_through.await? }
        })
        .await?;
    pool.close().await;
    Ok(connection.close(200, "".into()).await?)
}

async fn see_through(stage: Stage, pool: SqlitePool, delivery: Delivery) -> Result<()> {
    let received = read(&delivery)?;
    handle(&pool, &received).await?;
    stage.through(received.id);
    Ok(delivery.ack(BasicAckOptions::default()).await.map(drop)?)
}

async fn handle(pool: &SqlitePool, received: &Received) -> sqlx::Result<()> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let claimed = sqlx::query("INSERT INTO processed (message_id) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(received.id)
        .execute(&mut *tx)
        .await?;
    if claimed.rows_affected() == 0 {
        return tx.rollback().await;
    }
    let payment = &received.payment;
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
    tx.commit().await
}
