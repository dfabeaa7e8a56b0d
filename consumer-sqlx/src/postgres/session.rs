//! A worker's own connection.

use consumer_core::storage::{Extent, UnitLimits};
use sqlx::{Connection, PgConnection, PgPool, Postgres, SqlStr, pool::PoolConnection};

use super::{limits, statements};
use crate::savepoint;

/// A connection that one worker holds. It belongs to its pool's count, and is closed when it is dropped.
pub struct PgSession {
    pub(super) conn: PoolConnection<Postgres>,
    pub(super) begin: SqlStr,
    pub(super) begin_many: SqlStr,
    /// Whether the last unit has left a ROLLBACK that is sent with whatever comes next.
    pub(super) is_owed_a_rollback: bool,
}

pub(super) async fn open(pool: &PgPool, limits: UnitLimits) -> Result<PgSession, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    leave_transaction(&mut conn).await?;
    statements::run(&mut conn, limits::OUTSIDE).await?;
    let [begin, begin_many] = [Extent::One, Extent::Many].map(|extent| limits::begin(limits, extent));
    Ok(PgSession { conn, begin, begin_many, is_owed_a_rollback: false })
}

impl PgSession {
    /// Sends the rollback that the last unit has left; whatever is sent, takes it along.
    pub(super) async fn rest(&mut self) -> Result<(), sqlx::Error> {
        if self.is_owed_a_rollback {
            self.conn.ping().await?;
            self.is_owed_a_rollback = false;
        }
        Ok(())
    }
}

/// Ends a transaction that the pool's last user has left open without knowing: an application that drops `pool.begin()`
/// half way gives such a connection back. Our BEGIN would continue it, and our COMMIT commit what was given up.
pub(super) async fn leave_transaction(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let alone: Result<bool, _> = statements::scalar(conn, statements::ALONE).await;
    match alone {
        Ok(true) => Ok(()),
        Ok(false) | Err(sqlx::Error::Database(_)) => statements::run(conn, savepoint::ROLL_BACK).await,
        Err(lost) => Err(lost),
    }
}
