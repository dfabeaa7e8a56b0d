//! The outbox.

mod people;
mod publish;
mod relay;
mod statements;
mod wake;
mod write;

use std::time::Duration;

use consumer_core::{
    outbox::{Filter, Listed, OutboxRow, Position, Settled, Survey},
    storage::{OutboxStorage, RelayId, StorageError, Swept},
};
use uuid::Uuid;

pub(super) use self::{statements::Statements as OutboxStatements, write::write};
use super::{Inner, PgSession, PgStore, lock};
use crate::outbox_row::micros;

async fn sweep(store: &Inner, keep: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let sql = &store.sql.outbox;
    lock::sweep(store, "outbox_events", async |conn| {
        let done =
            sqlx::query(sql.sweep.clone()).bind(micros(keep)).bind(i64::from(batch)).execute(conn).await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl OutboxStorage for PgStore {
    async fn lease_outbox(
        &self,
        session: &mut PgSession,
        relay: RelayId,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        Ok(relay::lease(&self.0.sql, session, relay, lease, limit).await?)
    }

    async fn renew_outbox(
        &self,
        session: &mut PgSession,
        relay: RelayId,
        lease: Duration,
        rows: &[Position],
    ) -> Result<(), StorageError> {
        Ok(relay::renew(&self.0.sql, session, relay, lease, rows).await?)
    }

    async fn settle_outbox(
        &self,
        session: &mut PgSession,
        relay: RelayId,
        rows: &[Settled],
    ) -> Result<(), StorageError> {
        Ok(relay::settle(&self.0.sql, session, relay, rows).await?)
    }

    async fn survey_outbox(&self, session: &mut PgSession) -> Result<Survey, StorageError> {
        Ok(people::survey(&self.0.sql, &mut session.conn).await?)
    }

    async fn list_outbox(
        &self,
        session: &mut PgSession,
        filter: &Filter,
    ) -> Result<Vec<Listed>, StorageError> {
        Ok(people::list(&self.0.sql, &mut session.conn, filter).await?)
    }

    async fn release_outbox(&self, session: &mut PgSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0.sql.outbox.release, session, id).await?)
    }

    async fn discard_outbox(&self, session: &mut PgSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0.sql.outbox.discard, session, id).await?)
    }

    async fn sweep_outbox(&self, keep: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, keep, batch).await?)
    }

    /// One `NOTIFY`, outside any transaction of the application's.
    async fn announce(&self) -> Result<(), StorageError> {
        Ok(wake::announce(&self.0.pool, &self.0.tables).await?)
    }

    /// Listens on a connection of its own, beside the pool.
    ///
    /// A pooler in transaction mode takes the `LISTEN` and passes on nothing: behind one, relays only find what they look for,
    /// unless the store's URL leads to the server itself.
    async fn announced(&self, woken: impl Fn() + Send + Sync) -> Result<(), StorageError> {
        Ok(wake::announced(&self.0.pool, &self.0.tables, woken).await?)
    }
}
