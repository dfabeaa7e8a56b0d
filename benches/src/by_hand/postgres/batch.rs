//! The best batches by hand that leave the business as it is: one statement for each write of each message, everything
//! else once for 64 messages.

use std::collections::HashSet;

use anyhow::Result;
use futures_util::StreamExt;
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::mpsc::{self, Receiver, UnboundedSender},
    task::JoinSet,
};
use uuid::Uuid;

use super::super::{
    acks::acknowledge,
    consuming::consume,
    lanes::{distribute, lanes},
    message::Received,
};
use crate::stage::Stage;

const WORKERS: usize = 4;
const BATCH: usize = 64;
/// For every worker a batch in work, one that waits, and two whose acknowledgement travels.
const PREFETCH: u16 = 1_024;

/// Consumes until the run is over.
pub async fn run(stage: Stage) -> Result<()> {
    let (connection, channel, consumer) = consume(&stage, PREFETCH).await?;
    let (senders, receivers) = lanes(WORKERS, PREFETCH.into());
    let (committed, to_ack) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(acknowledge(channel.clone(), to_ack));
    for lane in receivers {
        let conn = PgConnection::connect(&stage.database).await?;
        tasks.spawn(work(stage.clone(), conn, lane, committed.clone()));
    }
    drop(committed);
    tasks.spawn(distribute(consumer.take_until(stage.over()), senders));
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(connection.close(200, "".into()).await?)
}

/// Takes what waits in a lane, never waits for more.
async fn work(
    stage: Stage,
    mut conn: PgConnection,
    mut lane: Receiver<Received>,
    committed: UnboundedSender<Vec<u64>>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    while lane.recv_many(&mut batch, BATCH).await > 0 {
        // Another process with the same queue locks the rows in the same order.
        batch.sort_by_key(|received| received.payment.account);
        handle(&mut conn, &batch).await?;
        for received in &batch {
            stage.through(received.id);
        }
        committed.send(batch.drain(..).map(|received| received.tag).collect())?;
    }
    Ok(conn.close().await?)
}

async fn handle(conn: &mut PgConnection, batch: &[Received]) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    for received in claim(&mut tx, batch).await? {
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
    }
    tx.commit().await
}

/// Claims all in one statement; those that nobody has claimed before, each once.
async fn claim<'b>(conn: &mut PgConnection, batch: &'b [Received]) -> sqlx::Result<Vec<&'b Received>> {
    let mut ids: Vec<Uuid> = batch.iter().map(|received| received.id).collect();
    ids.sort_unstable();
    let insert = "INSERT INTO processed (message_id) SELECT * FROM UNNEST($1) ON CONFLICT DO NOTHING RETURNING message_id";
    let mut fresh: HashSet<Uuid> =
        sqlx::query_scalar(insert).bind(ids).fetch_all(conn).await?.into_iter().collect();
    Ok(batch.iter().filter(|received| fresh.remove(&received.id)).collect())
}
