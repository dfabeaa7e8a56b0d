//! The desk: what the database knows of a dead event, and what it is told.

use crate::{
    error::{Error, Result},
    inbox::{ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Storage, StorageError},
};

/// A session for one passage through a queue.
pub(super) struct Desk<'a, S: Storage> {
    storage: &'a S,
    session: S::Session,
}

impl<'a, S: Storage> Desk<'a, S> {
    pub(super) async fn open(storage: &'a S) -> Result<Self> {
        let session = storage.open(crate::operate::LIMITS).await.map_err(unavailable)?;
        Ok(Self { storage, session })
    }

    /// The claim of an event, if it was processed.
    pub(super) async fn claim(&mut self, consumer: ConsumerId, key: ClaimKey) -> Result<Option<StoredClaim>> {
        self.storage.find(&mut self.session, consumer, key).await.map_err(unavailable)
    }

    /// Has an event begin anew: its attempts, its rungs and the deaths of its processes are counted from zero.
    pub(super) async fn begin_anew(
        &mut self,
        consumer: ConsumerId,
        key: ClaimKey,
        message: ClaimKey,
    ) -> Result<()> {
        self.storage.reset_failure(&mut self.session, consumer, key).await.map_err(unavailable)?;
        self.storage.clear_run(&mut self.session, consumer, message).await.map_err(unavailable)
    }

    /// Forgets the failures of an event that a person has taken care of.
    pub(super) async fn resolve(
        &mut self,
        consumer: ConsumerId,
        key: ClaimKey,
        message: ClaimKey,
    ) -> Result<()> {
        self.storage.resolve_failure(&mut self.session, consumer, key).await.map_err(unavailable)?;
        self.storage.clear_run(&mut self.session, consumer, message).await.map_err(unavailable)
    }
}

fn unavailable(error: StorageError) -> Error {
    Error::unavailable("the database cannot be asked about a dead letter").because(error)
}
