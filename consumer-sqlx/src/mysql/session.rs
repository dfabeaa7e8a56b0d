//! A worker's own connection.

use std::time::Instant;

use consumer_core::storage::UnitLimits;
use sqlx::{Connection, MySql, MySqlConnection, MySqlPool, pool::PoolConnection};

use super::{limits, statements};

/// A connection that one worker holds. It belongs to its pool's count, and is closed when it is dropped.
pub struct MySqlSession {
    pub(super) conn: PoolConnection<MySql>,
    pool: MySqlPool,
    limits: UnitLimits,
    last_used: Instant,
}

pub(super) async fn open(pool: &MySqlPool, limits: UnitLimits) -> Result<MySqlSession, sqlx::Error> {
    let conn = connect(pool, limits).await?;
    Ok(MySqlSession { conn, pool: pool.clone(), limits, last_used: Instant::now() })
}

/// Takes a connection that is never given back: what is set here would change how the application's statements work.
async fn connect(pool: &MySqlPool, limits: UnitLimits) -> Result<PoolConnection<MySql>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    statements::run(&mut conn, limits::settings(limits)).await?;
    Ok(conn)
}

impl MySqlSession {
    /// The connection, tried first if it has been idle so long that the server may have closed it, and replaced if it
    /// has: the limit that frees the claim of a stopped process also meets a worker with nothing to do.
    pub(super) async fn awake(&mut self) -> Result<&mut MySqlConnection, sqlx::Error> {
        if self.last_used.elapsed() > limits::idle(self.limits) / 2 && self.conn.ping().await.is_err() {
            self.conn = connect(&self.pool, self.limits).await?;
        }
        self.last_used = Instant::now();
        Ok(&mut self.conn)
    }

    pub(super) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        self.awake().await?.ping().await
    }
}
