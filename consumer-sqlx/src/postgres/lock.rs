//! One process at a time: for migrations, enrolment and the sweeper.

use consumer_core::storage::Swept;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};

use super::{Inner, session, statements};
use crate::{borrowed::Borrowed, migration::PATIENCE, tables::Tables};

/// A connection for one transaction under the lock, which continues none that the pool was left with.
pub(super) async fn connection(pool: &PgPool) -> Result<Borrowed<Postgres>, sqlx::Error> {
    let mut conn = Borrowed::from(pool).await?;
    session::leave_transaction(&mut conn).await?;
    Ok(conn)
}

/// A transaction that nobody else is in; the lock ends with it, whatever happens, even behind a pooler.
pub(super) async fn alone<'c>(
    conn: &'c mut PgConnection,
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

/// Sweeps one table in a transaction that nobody else is in; while another process sweeps it, nothing is done. The pool gets the
/// connection back once the transaction has ended.
pub(super) async fn sweep(
    store: &Inner,
    table: &str,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<Swept, sqlx::Error>,
) -> Result<Swept, sqlx::Error> {
    let mut conn = connection(&store.pool).await?;
    let mut tx = conn.begin_with(statements::BEGIN_SWEEP).await?;
    let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(store.tables.name(table))
        .fetch_one(&mut *tx)
        .await?;
    let swept = if ours { work(&mut tx).await? } else { Swept::default() };
    tx.commit().await?;
    conn.give_back();
    Ok(swept)
}
