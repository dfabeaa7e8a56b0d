//! On SQLite.

use anyhow::Result;
use consumer::{SqliteStore, prelude::*};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{NotTaken, consume, on, sums};
use crate::{payment::Payment, stage::Stage};

/// There is one writer: the other workers read and acknowledge meanwhile.
const WORKERS: usize = 4;
/// What the best consumer by hand asks for.
const PREFETCH: u16 = 128;
/// As many as the best batches by hand have.
const BATCH_WORKERS: usize = 1;
/// As many as the best set-based consumer by hand has.
const SET_WORKERS: usize = 1;

/// The business, which is the same whether events commit by themselves or together.
async fn take(payment: Payment, conn: &mut SqliteConnection) -> Result<(), NotTaken> {
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
async fn per_message(payment: Payment, conn: &mut SqliteConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 64)]
async fn in_batches(payment: Payment, conn: &mut SqliteConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 256)]
async fn set_based(payments: Batch<Payment>, conn: &mut SqliteConnection) -> Result<(), NotTaken> {
    insert_payments(conn, &payments).await?;
    Ok(add_to_balances(conn, &payments).await?)
}

async fn insert_payments(conn: &mut SqliteConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO payments (id, account, cents) ");
    insert.push_values(payments.events(), |mut row, payment| {
        row.push_bind(payment.payment).push_bind(payment.account).push_bind(payment.amount_cents);
    });
    insert.build().execute(conn).await.map(drop)
}

async fn add_to_balances(conn: &mut SqliteConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let mut update = QueryBuilder::<Sqlite>::new("INSERT INTO balances (account, cents) ");
    update.push_values(sums(payments), |mut row, (account, cents)| {
        row.push_bind(account).push_bind(cents);
    });
    update.push(" ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents");
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

/// A handler of batches.
pub async fn run_set_based(stage: Stage) -> Result<()> {
    let store = connect(&stage, SET_WORKERS).await?;
    let app = App::new().register_with::<set_based>(|c| on(&stage, c).concurrency(SET_WORKERS));
    consume(stage, store, app).await
}

/// Two connections more than workers: the runtime keeps one for itself, and one to spare.
async fn connect(stage: &Stage, workers: usize) -> Result<SqliteStore> {
    let connections = u32::try_from(workers)? + 2;
    Ok(SqliteStore::builder().max_connections(connections).connect(&stage.database).await?)
}
