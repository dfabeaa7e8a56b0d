//! The contract of the outbox table, as the relay and people use it.
//!
//! Three rules make the order of a lane that of its commits, whoever relays and however often it dies:
//!
//! 1. A writer locks its lane before it draws a position, and holds the lock to the commit (see
//!    [`Position`](crate::outbox::Position)).
//! 2. A lease takes the rows of a lane from its first unsent one on, without a gap, or none of them.
//! 3. A relay publishes the rows of a lane one after the other, each after the confirm of the one before.
//!
//! Then an event is published for the first time only after every earlier event of its lane was confirmed. Leases keep two
//! relays from publishing the same row twice; the order does not rest on them.

use std::{future::Future, time::Duration};

use uuid::Uuid;

use super::{Sessions, StorageError, Swept};
use crate::outbox::{Filter, Listed, OutboxRow, Position, Settled, Survey};

/// Who leases rows: a number of the relay's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayId(pub Uuid);

impl RelayId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The outbox table. None of its futures may be dropped before it is done, except those of [`Self::announced`].
pub trait OutboxStorage: Sessions {
    /// Leases at most `limit` rows that are to be published now, in the order of their positions.
    ///
    /// A row is not leased while a row of its lane is leased by anybody, refused and waiting, or parked. So a lane comes
    /// with its first unsent rows, or not at all. Rows whose lease has run out are free again. Several relays may ask at
    /// once; they never get the same row.
    fn lease_outbox(
        &self,
        session: &mut Self::Session,
        relay: RelayId,
        lease: Duration,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, StorageError>> + Send;

    /// Has the leases of these rows end `lease` from now, those that are still the relay's.
    fn renew_outbox(
        &self,
        session: &mut Self::Session,
        relay: RelayId,
        lease: Duration,
        rows: &[Position],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Writes what became of leased rows, in one transaction. [`Fate::Sent`](crate::outbox::Fate::Sent) is written whoever
    /// holds the lease by now; everything else only where it is still the relay's.
    fn settle_outbox(
        &self,
        session: &mut Self::Session,
        relay: RelayId,
        rows: &[Settled],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// How the outbox is doing.
    fn survey_outbox(
        &self,
        session: &mut Self::Session,
    ) -> impl Future<Output = Result<Survey, StorageError>> + Send;

    /// Rows for people to look at, the oldest first.
    fn list_outbox(
        &self,
        session: &mut Self::Session,
        filter: &Filter,
    ) -> impl Future<Output = Result<Vec<Listed>, StorageError>> + Send;

    /// Has a refused or parked row tried again now, its refusals forgotten. `false` if it is in neither state.
    fn release_outbox(
        &self,
        session: &mut Self::Session,
        id: Uuid,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Gives a refused or parked row up: it is never published, and its lane goes on. `false` if it is in neither state.
    fn discard_outbox(
        &self,
        session: &mut Self::Session,
        id: Uuid,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Deletes at most `batch` rows that were sent or given up longer than `keep` ago; one process at a time.
    fn sweep_outbox(
        &self,
        keep: Duration,
        batch: u32,
    ) -> impl Future<Output = Result<Swept, StorageError>> + Send;

    /// Tells the relays of other processes that rows were committed, where the database can (PostgreSQL's `NOTIFY`); they
    /// find them by themselves otherwise. In a transaction of its own, because PostgreSQL takes a lock of the whole cluster
    /// at the commit of one that notifies.
    fn announce(&self) -> impl Future<Output = Result<(), StorageError>> + Send {
        async { Ok(()) }
    }

    /// Listens for [`Self::announce`] of other processes and calls `woken` for each, until the connection is lost; pending
    /// for ever where the database cannot tell. It also calls `woken` once it listens, because of what was announced before.
    ///
    /// # Cancel safety
    /// It may be dropped at any time.
    fn announced(
        &self,
        woken: impl Fn() + Send + Sync,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        drop(woken);
        std::future::pending()
    }
}
