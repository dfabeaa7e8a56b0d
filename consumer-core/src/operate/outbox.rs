//! The outbox, by hand.

use uuid::Uuid;

use super::by_hand;
use crate::{
    error::Result,
    outbox::{Filter, Listed, Survey},
    storage::OutboxStorage,
};

/// The outbox, as a person reads and corrects it.
#[derive(Clone, Debug)]
pub struct OutboxTable<S>(S);

impl<S: OutboxStorage> OutboxTable<S> {
    /// The outbox of a storage, whose tables are there.
    pub fn new(storage: S) -> Self {
        Self(storage)
    }

    /// Rows, the oldest first; what the broker refuses unless the filter says otherwise.
    ///
    /// # Errors
    /// [`is_unavailable`](crate::Error::is_unavailable) if the database does not answer as it should; like all of these.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        by_hand!(self.0, "cannot list the outbox", |storage, session| storage.list_outbox(session, filter))
    }

    /// Has a refused or parked event published again now. `false` if it is neither.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn release(&self, id: Uuid) -> Result<bool> {
        by_hand!(self.0, "cannot release an event", |storage, session| storage.release_outbox(session, id))
    }

    /// Gives a refused or parked event up: it is never published, and its key goes on. `false` if it is neither.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn discard(&self, id: Uuid) -> Result<bool> {
        by_hand!(self.0, "cannot discard an event", |storage, session| storage.discard_outbox(session, id))
    }

    /// How the outbox is doing.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn survey(&self) -> Result<Survey> {
        by_hand!(self.0, "cannot survey the outbox", |storage, session| storage.survey_outbox(session))
    }
}
