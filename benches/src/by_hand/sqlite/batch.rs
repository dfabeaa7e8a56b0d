//! The best batches by hand that leave the business as it is: one statement for each write of each message, everything
//! else once for 64 messages. There is one writer, so there is one worker.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use futures_util::StreamExt;
use lapin::options::BasicAckOptions;
use sqlx::{
    ConnectOptions, Connection, QueryBuilder, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use super::super::{
    consuming::consume,
    message::{Received, read},
};
use crate::stage::Stage;

const BATCH: usize = 64;
const PREFETCH: u16 = 256;

/// Consumes until the run is over.
pub async fn run(stage: Stage) -> Result<()> {
    let options: SqliteConnectOptions = stage.database.parse()?;
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut conn = options.connect().await?;
    let (connection, channel, consumer) = consume(&stage, PREFETCH).await?;
    let mut deliveries = consumer.take_until(stage.over()).ready_chunks(BATCH);
    while let Some(chunk) = deliveries.next().await {
        let batch: Vec<Received> =
            chunk.into_iter().map(|delivery| read(&delivery?)).collect::<Result<_>>()?;
        handle(&mut conn, &batch).await?;
        for received in &batch {
            stage.through(received.id);
        }
        if let Some(last) = batch.last() {
            channel.basic_ack(last.tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    conn.close().await?;
    Ok(connection.close(200, "".into()).await?)
}

async fn handle(conn: &mut SqliteConnection, batch: &[Received]) -> sqlx::Result<()> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    for received in claim(&mut tx, batch).await? {
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
    }
    tx.commit().await
}

/// Claims all in one statement; those that nobody has claimed before, each once.
async fn claim<'b>(conn: &mut SqliteConnection, batch: &'b [Received]) -> sqlx::Result<Vec<&'b Received>> {
    let ids: BTreeSet<Uuid> = batch.iter().map(|received| received.id).collect();
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO processed (message_id) ");
    insert.push_values(ids, |mut row, id| {
        row.push_bind(id);
    });
    insert.push(" ON CONFLICT DO NOTHING RETURNING message_id");
    let mut fresh: HashSet<Uuid> = insert.build_query_scalar().fetch_all(conn).await?.into_iter().collect();
    Ok(batch.iter().filter(|received| fresh.remove(&received.id)).collect())
}
