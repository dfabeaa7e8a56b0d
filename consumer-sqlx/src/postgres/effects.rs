//! The effect ledger.

use std::time::Duration;

use consumer_core::{
    departures::Departures,
    effect::{
        ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, Ending, Intent, Leased, Recorded, Right,
    },
    inbox::ConsumerId,
    message::ClaimKey,
    storage::{EffectStorage, StorageError, Swept},
};

use super::{PgSession, PgStore};

impl EffectStorage for PgStore {
    async fn start_effect(&self, _: &mut PgSession, _: &Intent, _: Duration) -> Result<Right, StorageError> {
        Err("not built".into())
    }
    async fn lease_effects(
        &self,
        _: &mut PgSession,
        _: &[&str],
        _: Duration,
        _: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        Err("not built".into())
    }
    async fn renew_effect(
        &self,
        _: &mut PgSession,
        _: EffectId,
        _: i64,
        _: Duration,
    ) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn finish_effect(
        &self,
        _: &mut PgSession,
        _: EffectId,
        _: i64,
        _: &Ending,
        _: &Departures,
    ) -> Result<Recorded, StorageError> {
        Err("not built".into())
    }
    async fn effects_of(
        &self,
        _: &mut PgSession,
        _: ConsumerId,
        _: ClaimKey,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Err("not built".into())
    }
    async fn compensate_effect(
        &self,
        _: &mut PgSession,
        _: EffectId,
        _: &Departures,
    ) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn list_effects(
        &self,
        _: &mut PgSession,
        _: &EffectFilter,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Err("not built".into())
    }
    async fn find_effect(
        &self,
        _: &mut PgSession,
        _: EffectId,
    ) -> Result<Option<EffectRecord>, StorageError> {
        Err("not built".into())
    }
    async fn resolve_effect(&self, _: &mut PgSession, _: EffectId, _: &ByHand) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn release_effect(&self, _: &mut PgSession, _: EffectId) -> Result<bool, StorageError> {
        Err("not built".into())
    }
    async fn count_effects(&self, _: &mut PgSession) -> Result<EffectCounts, StorageError> {
        Err("not built".into())
    }
    async fn sweep_effects(&self, _: Duration, _: u32) -> Result<Swept, StorageError> {
        Ok(Swept::default())
    }
}
