//! On MariaDB.

use anyhow::Result;
use consumer::{MySqlStore, prelude::*};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use super::{NotTaken, consume, on, sums, twice};
use crate::{
    payment::{Keyless, Payment},
    stage::Stage,
};

/// As many workers as the best consumer by hand has messages in work; each has a connection of its own.
const WORKERS: usize = 32;
/// What the best consumer by hand asks for.
const PREFETCH: u16 = 128;
/// As many as the best batches by hand have.
const BATCH_WORKERS: usize = 4;
/// As many as the best set-based consumer by hand has.
const SET_WORKERS: usize = 2;

/// The business, which is the same whether events commit by themselves or together.
async fn take(payment: Payment, conn: &mut MySqlConnection) -> Result<(), NotTaken> {
    if payment.is_refused() {
        return Err(NotTaken::Refused);
    }
    sqlx::query("INSERT INTO payments (id, account, cents) VALUES (?, ?, ?)")
        .bind(payment.payment)
        .bind(payment.account)
        .bind(payment.amount_cents)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE balances SET cents = cents + ? WHERE account = ?")
        .bind(payment.amount_cents)
        .bind(payment.account)
        .execute(conn)
        .await?;
    Ok(())
}

#[consumer(name = "payments")]
async fn per_message(payment: Payment, conn: &mut MySqlConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 64)]
async fn in_batches(payment: Payment, conn: &mut MySqlConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 64)]
async fn without_lanes(Keyless(payment): Keyless, conn: &mut MySqlConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 256)]
async fn set_based(payments: Batch<Payment>, conn: &mut MySqlConnection) -> Result<(), NotTaken> {
    insert_payments(conn, &payments).await?;
    Ok(add_to_balances(conn, &payments).await?)
}

async fn insert_payments(conn: &mut MySqlConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<MySql>::new("INSERT INTO payments (id, account, cents) ");
    insert.push_values(payments.events(), |mut row, payment| {
        row.push_bind(payment.payment).push_bind(payment.account).push_bind(payment.amount_cents);
    });
    insert.build().execute(conn).await.map(drop)
}

async fn add_to_balances(conn: &mut MySqlConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let mut update = QueryBuilder::<MySql>::new("INSERT INTO balances (account, cents) ");
    update.push_values(sums(payments), |mut row, (account, cents)| {
        row.push_bind(account).push_bind(cents);
    });
    update.push(" ON DUPLICATE KEY UPDATE cents = cents + VALUES(cents)");
    update.build().execute(conn).await.map(drop)
}

/// One message at a time in each worker.
pub async fn run_per_message(stage: Stage) -> Result<()> {
    let store = connect(&stage, WORKERS).await?;
    let app =
        App::new().register_with::<per_message>(|c| on(&stage, c).concurrency(WORKERS).prefetch(PREFETCH));
    consume(stage, store, app).await
}

/// Events by the batch, the handler as it was.
pub async fn run_batch(stage: Stage) -> Result<()> {
    let store = connect(&stage, BATCH_WORKERS).await?;
    let app = App::new().register_with::<in_batches>(|c| on(&stage, c).concurrency(BATCH_WORKERS));
    consume(stage, store, app).await
}

/// The same, of events that say nothing of their accounts.
pub async fn run_without_lanes(stage: Stage) -> Result<()> {
    let store = connect(&stage, BATCH_WORKERS).await?;
    let app = App::new().register_with::<without_lanes>(|c| on(&stage, c).concurrency(BATCH_WORKERS));
    consume(stage, store, app).await
}

/// Two runtimes of half as many workers, as two processes are: they share no lanes.
pub async fn run_per_message_twice(stage: Stage) -> Result<()> {
    twice(stage, async |stage| {
        let (workers, prefetch) = (WORKERS / 2, PREFETCH / 2);
        let store = connect(&stage, workers).await?;
        let app = App::new()
            .register_with::<per_message>(|c| on(&stage, c).concurrency(workers).prefetch(prefetch));
        consume(stage, store, app).await
    })
    .await
}

/// Two runtimes of as many workers as the one.
pub async fn run_batch_twice(stage: Stage) -> Result<()> {
    twice(stage, run_batch).await
}

/// A handler of batches.
pub async fn run_set_based(stage: Stage) -> Result<()> {
    let store = connect(&stage, SET_WORKERS).await?;
    let app = App::new().register_with::<set_based>(|c| on(&stage, c).concurrency(SET_WORKERS));
    consume(stage, store, app).await
}

/// Two connections more than workers: the runtime keeps one for itself, and one to spare.
async fn connect(stage: &Stage, workers: usize) -> Result<MySqlStore> {
    let connections = u32::try_from(workers)? + 2;
    Ok(MySqlStore::builder().max_connections(connections).connect(&stage.database).await?)
}
