//! The outbox: writing, leasing, settling.

use std::time::Duration;

use consumer_core::{
    outbox::{Filter, Listed, OutboxRow, Position, Settled, Survey},
    storage::{OutboxStorage, RelayId, StorageError, Swept},
};
use uuid::Uuid;

use super::{PgSession, PgStore};

impl OutboxStorage for PgStore {
    async fn lease_outbox(
        &self,
        _: &mut PgSession,
        _: RelayId,
        _: Duration,
        _: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        Err("not built".into())
    }
    async fn renew_outbox(
        &self,
        _: &mut PgSession,
        _: RelayId,
        _: Duration,
        _: &[Position],
    ) -> Result<(), StorageError> {
        Err("not built".into())
    }
    async fn settle_outbox(&self, _: &mut PgSession, _: RelayId, _: &[Settled]) -> Result<(), StorageError> {
        Err("not built".into())
    }
    async fn survey_outbox(&self, _: &mut PgSession) -> Result<Survey, StorageError> {
        Err("not built".into())
    }
    async fn list_outbox(&self, _: &mut PgSession, _: &Filter) -> Result<Vec<Listed>, StorageError> {
        Err("not built".into())
    }
    async fn release_outbox(&self, _: &mut PgSession, _: Uuid) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn discard_outbox(&self, _: &mut PgSession, _: Uuid) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn sweep_outbox(&self, _: Duration, _: u32) -> Result<Swept, StorageError> {
        Ok(Swept::default())
    }
}
