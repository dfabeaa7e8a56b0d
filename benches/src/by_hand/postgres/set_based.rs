//! The best batches by hand that also write the business in sets: three statements for 256 messages.

use std::collections::{BTreeMap, HashSet};

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

const WORKERS: usize = 2;
const BATCH: usize = 256;
/// For every worker a batch in work, one that waits, and two whose acknowledgement travels.
const PREFETCH: u16 = 2_048;

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
    let fresh = claim(&mut tx, batch).await?;
    if fresh.is_empty() {
        return tx.rollback().await;
    }
    insert_payments(&mut tx, &fresh).await?;
    add_to_balances(&mut tx, &fresh).await?;
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

async fn insert_payments(conn: &mut PgConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = fresh.iter().map(|received| received.payment.payment).collect();
    let accounts: Vec<i64> = fresh.iter().map(|received| received.payment.account).collect();
    let cents: Vec<i64> = fresh.iter().map(|received| received.payment.amount_cents).collect();
    sqlx::query("INSERT INTO payments (id, account, cents) SELECT * FROM UNNEST($1, $2, $3)")
        .bind(ids)
        .bind(accounts)
        .bind(cents)
        .execute(conn)
        .await?;
    Ok(())
}

async fn add_to_balances(conn: &mut PgConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for received in fresh {
        *sums.entry(received.payment.account).or_default() += received.payment.amount_cents;
    }
    let (accounts, cents): (Vec<i64>, Vec<i64>) = sums.into_iter().unzip();
    let update = "UPDATE balances SET cents = balances.cents + added.cents \
                  FROM UNNEST($1, $2) AS added (account, cents) WHERE balances.account = added.account";
    sqlx::query(update).bind(accounts).bind(cents).execute(conn).await?;
    Ok(())
}
