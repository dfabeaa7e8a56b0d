//! The best batches by hand that also write the business in sets: three statements for 256 messages.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::StreamExt;
use sqlx::{Connection, MySql, MySqlConnection, QueryBuilder};
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
        let conn = connect(&stage.database).await?;
        tasks.spawn(work(stage.clone(), conn, lane, committed.clone()));
    }
    drop(committed);
    tasks.spawn(distribute(consumer.take_until(stage.over()), senders));
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(connection.close(200, "".into()).await?)
}

/// Above READ COMMITTED, an insert also locks the gap beside its row.
async fn connect(database: &str) -> sqlx::Result<MySqlConnection> {
    let mut conn = MySqlConnection::connect(database).await?;
    sqlx::query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").execute(&mut conn).await?;
    Ok(conn)
}

/// Takes what waits in a lane, never waits for more.
async fn work(
    stage: Stage,
    mut conn: MySqlConnection,
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

async fn handle(conn: &mut MySqlConnection, batch: &[Received]) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    let fresh = claim(&mut tx, batch).await?;
    if fresh.is_empty() {
        return tx.rollback().await;
    }
    insert_payments(&mut tx, &fresh).await?;
    add_to_balances(&mut tx, &fresh).await?;
    tx.commit().await
}

/// Claims all in one statement. Where somebody has claimed one of them before, that statement fails and changes nothing:
/// then those are left out.
async fn claim<'b>(conn: &mut MySqlConnection, batch: &'b [Received]) -> sqlx::Result<Vec<&'b Received>> {
    let mut fresh: BTreeMap<Uuid, &Received> = BTreeMap::new();
    for received in batch {
        fresh.entry(received.id).or_insert(received);
    }
    match insert_claims(conn, fresh.keys()).await {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
        inserted => return inserted.map(|()| in_order(batch, fresh)),
    }
    for claimed in find_claims(conn, fresh.keys()).await? {
        fresh.remove(&claimed);
    }
    if !fresh.is_empty() {
        insert_claims(conn, fresh.keys()).await?;
    }
    Ok(in_order(batch, fresh))
}

fn in_order<'b>(batch: &'b [Received], mut fresh: BTreeMap<Uuid, &'b Received>) -> Vec<&'b Received> {
    batch.iter().filter(|received| fresh.remove(&received.id).is_some()).collect()
}

async fn insert_claims(conn: &mut MySqlConnection, ids: impl Iterator<Item = &Uuid>) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<MySql>::new("INSERT INTO processed (message_id) ");
    insert.push_values(ids, |mut row, id| {
        row.push_bind(*id);
    });
    insert.build().execute(conn).await.map(drop)
}

async fn find_claims(
    conn: &mut MySqlConnection,
    ids: impl Iterator<Item = &Uuid>,
) -> sqlx::Result<Vec<Uuid>> {
    let mut find = QueryBuilder::<MySql>::new("SELECT message_id FROM processed WHERE message_id IN (");
    let mut list = find.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    find.push(")");
    find.build_query_scalar().fetch_all(conn).await
}

async fn insert_payments(conn: &mut MySqlConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<MySql>::new("INSERT INTO payments (id, account, cents) ");
    insert.push_values(fresh, |mut row, received| {
        let payment = &received.payment;
        row.push_bind(payment.payment).push_bind(payment.account).push_bind(payment.amount_cents);
    });
    insert.build().execute(conn).await.map(drop)
}

async fn add_to_balances(conn: &mut MySqlConnection, fresh: &[&Received]) -> sqlx::Result<()> {
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for received in fresh {
        *sums.entry(received.payment.account).or_default() += received.payment.amount_cents;
    }
    let mut update = QueryBuilder::<MySql>::new("INSERT INTO balances (account, cents) ");
    update.push_values(sums, |mut row, (account, cents)| {
        row.push_bind(account).push_bind(cents);
    });
    update.push(" ON DUPLICATE KEY UPDATE cents = cents + VALUES(cents)");
    update.build().execute(conn).await.map(drop)
}
