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
use super::{Inner, MySqlSession, MySqlStore, lock};
use crate::outbox_row::micros;

async fn sweep(store: &Inner, keep: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    lock::sweep(store, "outbox_events", async |conn| {
        let mut rows = 0;
        for statement in &store.sql.outbox.sweep {
            let done = sqlx::query(statement.clone())
                .bind(micros(keep))
                .bind(u64::from(batch).saturating_sub(rows))
                .execute(&mut *conn)
                .await?;
            rows += done.rows_affected();
        }
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl OutboxStorage for MySqlStore {
    async fn lease_outbox(
        &self,
        session: &mut MySqlSession,
        relay: RelayId,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        Ok(relay::lease(&self.0.sql, session, relay, lease, limit).await?)
    }

    async fn renew_outbox(
        &self,
        session: &mut MySqlSession,
        relay: RelayId,
        lease: Duration,
        rows: &[Position],
    ) -> Result<(), StorageError> {
        Ok(relay::renew(&self.0.sql, session, relay, lease, rows).await?)
    }

    async fn settle_outbox(
        &self,
        session: &mut MySqlSession,
        relay: RelayId,
        rows: &[Settled],
    ) -> Result<(), StorageError> {
        Ok(relay::settle(&self.0.sql, session, relay, rows).await?)
    }

    async fn survey_outbox(&self, session: &mut MySqlSession) -> Result<Survey, StorageError> {
        Ok(people::survey(&self.0.sql, session).await?)
    }

    async fn list_outbox(
        &self,
        session: &mut MySqlSession,
        filter: &Filter,
    ) -> Result<Vec<Listed>, StorageError> {
        Ok(people::list(&self.0.sql, session, filter).await?)
    }

    async fn release_outbox(&self, session: &mut MySqlSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0.sql.outbox.release, session, id).await?)
    }

    async fn discard_outbox(&self, session: &mut MySqlSession, id: Uuid) -> Result<bool, StorageError> {
        Ok(people::act(&self.0.sql.outbox.discard, session, id).await?)
    }

    async fn sweep_outbox(&self, keep: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, keep, batch).await?)
    }
}
