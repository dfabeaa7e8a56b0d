//! On PostgreSQL.

use anyhow::Result;
use consumer::{PgStore, prelude::*};
use sqlx::PgConnection;
use uuid::Uuid;

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
async fn take(payment: Payment, conn: &mut PgConnection) -> Result<(), NotTaken> {
    if payment.is_refused() {
        return Err(NotTaken::Refused);
    }
    sqlx::query("INSERT INTO payments (id, account, cents) VALUES ($1, $2, $3)")
        .bind(payment.payment)
        .bind(payment.account)
        .bind(payment.amount_cents)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE balances SET cents = cents + $1 WHERE account = $2")
        .bind(payment.amount_cents)
        .bind(payment.account)
        .execute(conn)
        .await?;
    Ok(())
}

#[consumer(name = "payments")]
async fn per_message(payment: Payment, conn: &mut PgConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 64)]
async fn in_batches(payment: Payment, conn: &mut PgConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 64)]
async fn without_lanes(Keyless(payment): Keyless, conn: &mut PgConnection) -> Result<(), NotTaken> {
    take(payment, conn).await
}

#[consumer(name = "payments", batch = 256)]
async fn set_based(payments: Batch<Payment>, conn: &mut PgConnection) -> Result<(), NotTaken> {
    insert_payments(conn, &payments).await?;
    Ok(add_to_balances(conn, &payments).await?)
}

async fn insert_payments(conn: &mut PgConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = payments.events().map(|payment| payment.payment).collect();
    let accounts: Vec<i64> = payments.events().map(|payment| payment.account).collect();
    let cents: Vec<i64> = payments.events().map(|payment| payment.amount_cents).collect();
    sqlx::query("INSERT INTO payments (id, account, cents) SELECT * FROM UNNEST($1, $2, $3)")
        .bind(ids)
        .bind(accounts)
        .bind(cents)
        .execute(conn)
        .await?;
    Ok(())
}

async fn add_to_balances(conn: &mut PgConnection, payments: &Batch<Payment>) -> sqlx::Result<()> {
    let (accounts, cents): (Vec<i64>, Vec<i64>) = sums(payments).into_iter().unzip();
    let update = "UPDATE balances SET cents = balances.cents + added.cents \
                  FROM UNNEST($1, $2) AS added (account, cents) WHERE balances.account = added.account";
    sqlx::query(update).bind(accounts).bind(cents).execute(conn).await?;
    Ok(())
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
async fn connect(stage: &Stage, workers: usize) -> Result<PgStore> {
    let connections = u32::try_from(workers)? + 2;
    Ok(PgStore::builder().max_connections(connections).connect(&stage.database).await?)
}
