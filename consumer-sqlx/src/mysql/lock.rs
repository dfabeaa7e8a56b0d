//! One process at a time: for migrations, enrolment and the sweeper.

use std::io;

use consumer_core::storage::Swept;
use sqlx::{Connection, MySql, MySqlConnection, MySqlPool};

use super::{Inner, statements};
use crate::{borrowed::Borrowed, migration::PATIENCE, tables::Tables};

// The lock's name is the server's, so it names the database, and has 64 bytes at most. MySQL 9 has no SHA1 and no MD5.
const GET: &str = "SELECT GET_LOCK(CONCAT('consumer.', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40)), ?)";
const RELEASE: &str =
    "SELECT RELEASE_LOCK(CONCAT('consumer.', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40)))";

/// A connection that holds the lock. It is closed when it is dropped, and the lock is free then, whatever happened.
pub(super) struct Alone {
    pub(super) conn: Borrowed<MySql>,
    name: String,
}

/// Waits until nobody else migrates or enrols.
pub(super) async fn alone(pool: &MySqlPool, tables: &Tables) -> Result<Alone, sqlx::Error> {
    let seconds = PATIENCE.as_secs() as i32;
    let taken = take(pool, tables.name("consumer_migrations"), seconds).await?;
    taken.ok_or_else(|| {
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "another process holds the lock"))
    })
}

/// Sweeps one table in a transaction under the lock; while another process sweeps it, nothing is done. The pool gets the
/// connection back once both have ended.
pub(super) async fn sweep(
    store: &Inner,
    table: &str,
    work: impl AsyncFnOnce(&mut MySqlConnection) -> Result<Swept, sqlx::Error>,
) -> Result<Swept, sqlx::Error> {
    let Some(mut alone) = take(&store.pool, store.tables.name(table), 0).await? else {
        return Ok(Swept::default());
    };
    let mut tx = alone.conn.begin_with(statements::BEGIN_SWEEP).await?;
    let swept = work(&mut tx).await?;
    tx.commit().await?;
    alone.release().await?.give_back();
    Ok(swept)
}

async fn take(pool: &MySqlPool, name: String, patience: i32) -> Result<Option<Alone>, sqlx::Error> {
    let mut conn = Borrowed::from(pool).await?;
    let ours: Option<i64> = sqlx::query_scalar(GET).bind(&name).bind(patience).fetch_one(&mut *conn).await?;
    if ours != Some(1) {
        conn.give_back();
        return Ok(None);
    }
    Ok(Some(Alone { conn, name }))
}

impl Alone {
    /// Lets the next one in, without waiting for the connection to close.
    pub(super) async fn release(mut self) -> Result<Borrowed<MySql>, sqlx::Error> {
        sqlx::query(RELEASE).bind(&self.name).execute(&mut *self.conn).await?;
        Ok(self.conn)
    }
}
