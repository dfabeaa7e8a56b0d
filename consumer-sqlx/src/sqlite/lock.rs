//! One process at a time: for migrations, enrolment and the sweeper.

use consumer_core::storage::Swept;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection};

use super::{Inner, statements};

/// A connection for one transaction under the lock. The pool gets it back in any case: sqlx has one thread do all that is asked of
/// it, in order, and the rollback of whoever gives up half way comes before all that is asked later.
pub(super) async fn connection(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
    pool.acquire().await
}

/// A transaction that nobody else is in: SQLite's own one writer.
pub(super) async fn alone(conn: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    conn.begin_with(statements::BEGIN).await
}

/// Sweeps in such a transaction, when it is its turn.
pub(super) async fn sweep(
    store: &Inner,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<Swept, sqlx::Error>,
) -> Result<Swept, sqlx::Error> {
    let mut conn = connection(&store.pool).await?;
    let _turn = store.turn.lock().await;
    let mut tx = alone(&mut conn).await?;
    let swept = work(&mut tx).await?;
    tx.commit().await?;
    Ok(swept)
}
