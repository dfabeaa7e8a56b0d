//! One process at a time: for migrations, enrolment and the sweeper.

use sqlx::{Acquire, AssertSqlSafe, PgPool, Postgres, Transaction, pool::PoolConnection};

use super::statements;
use crate::{migration::PATIENCE, tables::Tables};

/// A connection for one transaction under the lock. It is closed afterwards, so that a caller who gives up half way
/// leaves no open transaction to the pool.
pub(super) async fn connection(pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    Ok(conn)
}

/// A transaction that nobody else is in; the lock ends with it, whatever happens, even behind a pooler.
pub(super) async fn alone<'c>(
    conn: &'c mut PoolConnection<Postgres>,
    tables: &Tables,
) -> Result<Transaction<'c, Postgres>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let patience = format!("SET LOCAL lock_timeout = {}", PATIENCE.as_millis());
    statements::run(&mut tx, AssertSqlSafe(patience)).await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(tables.name("consumer_migrations"))
        .execute(&mut *tx)
        .await?;
    Ok(tx)
}

/// The same for the sweeper of one table, who does not wait; `None` while another process sweeps it.
pub(super) async fn alone_now<'c>(
    conn: &'c mut PoolConnection<Postgres>,
    tables: &Tables,
    table: &str,
) -> Result<Option<Transaction<'c, Postgres>>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(tables.name(table))
        .fetch_one(&mut *tx)
        .await?;
    Ok(ours.then_some(tx))
}
