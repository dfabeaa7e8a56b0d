//! The best batches by hand that also write the business in sets: three statements for 256 messages. There is one writer,
//! so there is one worker.

use std::collections::{BTreeMap, BTreeSet, HashSet};

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

const BATCH: usize = 256;
const PREFETCH: u16 = 1_024;

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
    let fresh = claim(&mut tx, batch).await?;
    if fresh.is_empty() {
        return tx.rollback().await;
    }
    insert_payments(&mut tx, &fresh).await?;
    add_to_balances(&mut tx, &fresh).await?;
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

async fn insert_payments(conn: &mut SqliteConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO payments (id, account, cents) ");
    insert.push_values(fresh, |mut row, received| {
        let payment = &received.payment;
        row.push_bind(payment.payment).push_bind(payment.account).push_bind(payment.amount_cents);
    });
    insert.build().execute(conn).await.map(drop)
}

async fn add_to_balances(conn: &mut SqliteConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for received in fresh {
        *sums.entry(received.payment.account).or_default() += received.payment.amount_cents;
    }
    let mut update = QueryBuilder::<Sqlite>::new("INSERT INTO balances (account, cents) ");
    update.push_values(sums, |mut row, (account, cents)| {
        row.push_bind(account).push_bind(cents);
    });
    update.push(" ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents");
    update.build().execute(conn).await.map(drop)
}
