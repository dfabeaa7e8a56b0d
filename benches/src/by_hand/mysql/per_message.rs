//! The best consumer of single messages by hand: claim first, 32 in flight, acknowledge after the commit.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use lapin::{message::Delivery, options::BasicAckOptions};
use sqlx::{MySqlConnection, MySqlPool, mysql::MySqlPoolOptions};

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
    let pool = MySqlPoolOptions::new()
        .max_connections(IN_FLIGHT)
        // A ping before each transaction would cost as much as a statement; a dead connection shows by itself.
        .test_before_acquire(false)
        .after_connect(|conn, _| Box::pin(read_committed(conn)))
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

async fn see_through(stage: Stage, pool: MySqlPool, delivery: Delivery) -> Result<()> {
    let received = read(&delivery)?;
    handle(&pool, &received).await?;
    stage.through(received.id);
    Ok(delivery.ack(BasicAckOptions::default()).await.map(drop)?)
}

/// Above it, an insert also locks the gap beside its row.
async fn read_committed(conn: &mut MySqlConnection) -> sqlx::Result<()> {
    sqlx::query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").execute(conn).await?;
    Ok(())
}

async fn handle(pool: &MySqlPool, received: &Received) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    let claim = sqlx::query("INSERT INTO processed (message_id) VALUES (?)").bind(received.id);
    match claim.execute(&mut *tx).await {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return tx.rollback().await,
        claimed => claimed?,
    };
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
