//! One process at a time: for migrations, enrolment and the sweeper.

use std::io;

use sqlx::{MySql, MySqlPool, pool::PoolConnection};

use crate::{migration::PATIENCE, tables::Tables};

// The lock's name is the server's, so it names the database, and has 64 bytes at most. MySQL 9 has no SHA1 and no MD5.
const GET: &str = "SELECT GET_LOCK(CONCAT('consumer.', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40)), ?)";
const RELEASE: &str =
    "SELECT RELEASE_LOCK(CONCAT('consumer.', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40)))";

/// A connection that holds the lock. It is closed when it is dropped, and the lock is free then, whatever happened.
pub(super) struct Alone {
    pub(super) conn: PoolConnection<MySql>,
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

/// The same for the sweeper of one table, who does not wait; `None` while another process sweeps it.
pub(super) async fn alone_now(
    pool: &MySqlPool,
    tables: &Tables,
    table: &str,
) -> Result<Option<Alone>, sqlx::Error> {
    take(pool, tables.name(table), 0).await
}

async fn take(pool: &MySqlPool, name: String, patience: i32) -> Result<Option<Alone>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    let ours: Option<i64> = sqlx::query_scalar(GET).bind(&name).bind(patience).fetch_one(&mut *conn).await?;
    Ok((ours == Some(1)).then_some(Alone { conn, name }))
}

impl Alone {
    /// Lets the next one in, without waiting for the connection to close.
    pub(super) async fn release(mut self) -> Result<(), sqlx::Error> {
        sqlx::query(RELEASE).bind(&self.name).execute(&mut *self.conn).await.map(drop)
    }
}
