//! The desk: the ledger of effects as one pinned session serves it, one statement after the other.

use std::{borrow::BorrowMut, time::Duration};

use tokio::sync::Mutex;

use crate::{
    departures::Departures,
    effect::{EffectCounts, EffectId, EffectRecord, Ending, Intent, Leased, Recorded, Right},
    inbox::{Claim, StoredClaim},
    runtime::session::Slot,
    storage::{Storage, StorageError},
};

/// A session that several calls share. `L` is a slot of its own, or one that is lent by a worker.
///
/// None of its futures may be dropped before it is done, unless the desk goes too.
pub(super) struct Desk<S: Storage, L> {
    storage: S,
    slot: Mutex<L>,
}

/// Runs a statement on the session; one that failed is never used again.
macro_rules! serve {
    ($desk:ident, |$storage:ident, $session:ident| $statement:expr) => {{
        let mut guard = $desk.slot.lock().await;
        let slot: &mut Slot<S> = (*guard).borrow_mut();
        let $storage = &$desk.storage;
        let answer = match slot.open().await {
            Ok($session) => $statement.await,
            Err(error) => Err(error),
        };
        if answer.is_err() {
            slot.close();
        }
        answer
    }};
}

impl<S: Storage, L: BorrowMut<Slot<S>> + Send> Desk<S, L> {
    pub(super) fn new(storage: S, slot: L) -> Self {
        Self { storage, slot: Mutex::new(slot) }
    }

    pub(super) fn storage(&self) -> &S {
        &self.storage
    }

    pub(super) async fn start(&self, intent: &Intent, lease: Duration) -> Result<Right, StorageError> {
        serve!(self, |storage, session| storage.start_effect(session, intent, lease))
    }

    pub(super) async fn lease(
        &self,
        effects: &[&str],
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Leased>, StorageError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        serve!(self, |storage, session| storage.lease_effects(session, effects, lease, limit))
    }

    pub(super) async fn renew(&self, leased: &Leased, lease: Duration) -> Result<bool, StorageError> {
        serve!(self, |storage, session| storage.renew_effect(session, leased.intent.id, leased.fence, lease))
    }

    pub(super) async fn finish(
        &self,
        leased: &Leased,
        ending: &Ending,
        departures: &Departures,
    ) -> Result<Recorded, StorageError> {
        let (id, fence) = (leased.intent.id, leased.fence);
        serve!(self, |storage, session| storage.finish_effect(session, id, fence, ending, departures))
    }

    pub(super) async fn find(&self, claim: &Claim) -> Result<Option<StoredClaim>, StorageError> {
        serve!(self, |storage, session| storage.find(session, claim.consumer, claim.key))
    }

    pub(super) async fn effects_of(&self, claim: &Claim) -> Result<Vec<EffectRecord>, StorageError> {
        serve!(self, |storage, session| storage.effects_of(session, claim.consumer, claim.key))
    }

    pub(super) async fn compensate(
        &self,
        id: EffectId,
        departures: &Departures,
    ) -> Result<bool, StorageError> {
        serve!(self, |storage, session| storage.compensate_effect(session, id, departures))
    }

    pub(super) async fn count(&self) -> Result<EffectCounts, StorageError> {
        serve!(self, |storage, session| storage.count_effects(session))
    }
}
