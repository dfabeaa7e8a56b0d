//! One process at a time: for migrations, enrolment and the sweeper.

use sqlx::{Connection, Sqlite, SqlitePool, Transaction, pool::PoolConnection};

use super::statements;

/// A connection for one transaction under the lock.
pub(super) async fn connection(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
    pool.acquire().await
}

/// A transaction that nobody else is in: SQLite's own one writer.
pub(super) async fn alone(conn: &mut PoolConnection<Sqlite>) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    conn.begin_with(statements::BEGIN).await
}
