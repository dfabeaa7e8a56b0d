//! A transaction of the runtime itself on a session, beside the units.

use sqlx::{Connection, Sqlite, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::{Inner, SqliteSession, session::CommitGate, statements};

/// A transaction whose turn it is.
pub(super) struct Writing<'s> {
    // In this order: the rollback is on its way before the next one begins.
    pub(super) tx: Transaction<'s, Sqlite>,
    commit: CommitGate,
    _turn: OwnedMutexGuard<()>,
}

pub(super) async fn begin<'s>(
    store: &Inner,
    session: &'s mut SqliteSession,
) -> Result<Writing<'s>, sqlx::Error> {
    let turn = store.turn.clone().lock_owned().await;
    let tx = session.conn.begin_with(statements::BEGIN).await?;
    Ok(Writing { tx, commit: session.commit.clone(), _turn: turn })
}

impl Writing<'_> {
    /// Commits, through the gate that keeps the commits of handlers back.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.commit.open();
        let committed = self.tx.commit().await;
        self.commit.close();
        committed
    }
}
