//! The outbox.

mod people;
mod publish;
mod relay;
mod statements;
mod write;

use std::time::Duration;

use consumer_core::{
    outbox::{Filter, Listed, OutboxRow, Position, Settled, Survey},
    storage::{OutboxStorage, RelayId, StorageError, Swept},
};
use uuid::Uuid;

pub(super) use self::{statements::Statements as OutboxStatements, write::write};
use super::{Inner, SqliteSession, SqliteStore, lock};
use crate::outbox_row::millis;

async fn sweep(store: &Inner, keep: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    lock::sweep(store, async |conn| {
        let done = sqlx::query(store.sql.outbox.sweep.clone())
            .bind(millis(keep))
            .bind(i64::from(batch))
            .execute(conn)
            .await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl OutboxStorage for SqliteStore {
    async fn lease_outbox(
        &self,
        session: &mut SqliteSession,
        relay: RelayId,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        Ok(relay::lease(&self.0, session, relay, lease, limit).await?)
    }

    async fn renew_outbox(
        &self,
        session: &mut SqliteSession,
        relay: RelayId,
        lease: Duration,
        rows: &[Position],
    ) -> Result<(), StorageError> {
        Ok(relay::renew(&self.0, session, relay, lease, rows).await?)
    }

    async fn settle_outbox(
        &self,
        session: &mut SqliteSession,
        relay: RelayId,
        rows: &[Settled],
    ) -> Result<(), StorageError> {
        Ok(relay::settle(&self.0, session, relay, rows).await?)
    }

    async fn survey_outbox(&self, session: &mut SqliteSession) -> Result<Survey, StorageError> {
        Ok(people::survey(&self.0.sql, &mut session.conn).await?)
    }

    async fn list_outbox(
        &self,
        session: &mut SqliteSession,
        filter: &Filter,
    ) -> Result<Vec<Listed>, StorageError> {
        Ok(people::list(&self.0.sql, &mut session.conn, filter).await?)
    }

    async fn release_outbox(&self, session: &mut SqliteSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0, session, &self.0.sql.outbox.release, id).await?)
    }

    async fn discard_outbox(&self, session: &mut SqliteSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0, session, &self.0.sql.outbox.discard, id).await?)
    }

    async fn sweep_outbox(&self, keep: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, keep, batch).await?)
    }
}
