//! The outbox of the storage in memory.

use std::time::Duration;

use crate::{
    outbox::{Filter, Listed, OutboxRow, Position, Settled, Survey},
    storage::{OutboxStorage, RelayId, StorageError, Swept},
};
use uuid::Uuid;

use super::{MemorySession, MemoryStore};

impl OutboxStorage for MemoryStore {
    async fn lease_outbox(
        &self,
        _: &mut MemorySession,
        _: RelayId,
        _: Duration,
        _: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        Err("not built".into())
    }
    async fn renew_outbox(
        &self,
        _: &mut MemorySession,
        _: RelayId,
        _: Duration,
        _: &[Position],
    ) -> Result<(), StorageError> {
        Err("not built".into())
    }
    async fn settle_outbox(
        &self,
        _: &mut MemorySession,
        _: RelayId,
        _: &[Settled],
    ) -> Result<(), StorageError> {
        Err("not built".into())
    }
    async fn survey_outbox(&self, _: &mut MemorySession) -> Result<Survey, StorageError> {
        Err("not built".into())
    }
    async fn list_outbox(&self, _: &mut MemorySession, _: &Filter) -> Result<Vec<Listed>, StorageError> {
        Err("not built".into())
    }
    async fn release_outbox(&self, _: &mut MemorySession, _: Uuid) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn discard_outbox(&self, _: &mut MemorySession, _: Uuid) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn sweep_outbox(&self, _: Duration, _: u32) -> Result<Swept, StorageError> {
        Ok(Swept::default())
    }
}
