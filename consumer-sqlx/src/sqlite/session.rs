//! A worker's own connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use consumer_core::storage::UnitLimits;
use sqlx::{AssertSqlSafe, Sqlite, SqlitePool, pool::PoolConnection};

use super::{
    limits::{BUSY_TIMEOUT, Deadline, STEPS},
    statements,
};

/// A connection that one worker holds. It belongs to its pool's count, and is closed when it is dropped.
pub struct SqliteSession {
    pub(super) conn: PoolConnection<Sqlite>,
    pub(super) commit: CommitGate,
    pub(super) deadline: Deadline,
    pub(super) limit: Duration,
}

pub(super) async fn open(pool: &SqlitePool, limits: UnitLimits) -> Result<SqliteSession, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    conn.close_on_drop();
    statements::run(&mut conn, AssertSqlSafe(settings())).await?;
    let (commit, deadline) = (CommitGate::default(), Deadline::new());
    let (gate, clock) = (commit.clone(), deadline.clone());
    let mut handle = conn.lock_handle().await?;
    handle.set_commit_hook(move || gate.pass());
    handle.set_progress_handler(STEPS, move || clock.is_ahead());
    drop(handle);
    Ok(SqliteSession { conn, commit, deadline, limit: limits.server() })
}

/// `EXTRA` is `FULL` in WAL mode; with a rollback journal it also syncs the directory.
fn settings() -> String {
    format!("PRAGMA synchronous = EXTRA; PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis())
}

/// The gate that every commit on a session passes, once each time the runtime opens it.
///
/// A COMMIT of the handler, and each statement that it runs after its transaction has ended, find it closed: they fail
/// and leave nothing behind.
#[derive(Clone, Debug, Default)]
pub(super) struct CommitGate(Arc<AtomicBool>);

impl CommitGate {
    pub(super) fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// For a commit that never came as far as the gate: a deferred constraint is checked before.
    pub(super) fn close(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn pass(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
