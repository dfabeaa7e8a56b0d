//! A storage that stores nothing: enough for signatures to be checked against.

use std::{error::Error as StdError, time::Duration};

use consumer::{Class, Connection, Result, Storage};
use consumer_core::{
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, ConsumerName, Rollback, StorageError, Swept, UnitLimits},
};

/// The storage.
#[derive(Clone, Debug, Default)]
pub struct DummyStore;

/// A connection of it.
#[derive(Debug, Default)]
pub struct DummyConnection;

/// A transaction of it.
#[derive(Debug, Default)]
pub struct DummyTransaction<'t> {
    connection: DummyConnection,
    session: Option<&'t mut DummyConnection>,
}

impl Connection for DummyConnection {
    type Storage = DummyStore;
    type Lent<'a, 's: 'a> = &'a mut DummyConnection;

    fn lend<'a, 's: 'a>(tx: &'a mut DummyTransaction<'s>) -> Self::Lent<'a, 's> {
        match &mut tx.session {
            Some(session) => session,
            None => &mut tx.connection,
        }
    }
}

impl Connection for DummyTransaction<'static> {
    type Storage = DummyStore;
    type Lent<'a, 's: 'a> = &'a mut DummyTransaction<'s>;

    fn lend<'a, 's: 'a>(tx: &'a mut DummyTransaction<'s>) -> Self::Lent<'a, 's> {
        tx
    }
}

impl Storage for DummyStore {
    const NAME: &'static str = "dummy";
    type Session = DummyConnection;
    type Tx<'s> = DummyTransaction<'s>;

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn enroll(&self, _: &[ConsumerName<'_>]) -> Result<Vec<ConsumerId>> {
        Ok(Vec::new())
    }

    fn capacity(&self) -> Option<u32> {
        None
    }

    async fn open(&self, _: UnitLimits) -> Result<DummyConnection, StorageError> {
        Ok(DummyConnection)
    }

    async fn begin<'s>(
        &self,
        session: &'s mut DummyConnection,
    ) -> Result<DummyTransaction<'s>, StorageError> {
        Ok(DummyTransaction { connection: DummyConnection, session: Some(session) })
    }

    async fn claim(&self, _: &mut Self::Tx<'_>, _: &Claim) -> Result<Claimed, StorageError> {
        Ok(Claimed::Fresh)
    }

    async fn commit(&self, _: Self::Tx<'_>) -> Commit {
        Commit::Done
    }

    async fn roll_back(&self, _: Self::Tx<'_>) -> Rollback {
        Rollback::Done
    }

    async fn find(
        &self,
        _: &mut DummyConnection,
        _: ConsumerId,
        _: ClaimKey,
    ) -> Result<Option<StoredClaim>, StorageError> {
        Ok(None)
    }

    async fn ping(&self, _: &mut DummyConnection) -> Result<(), StorageError> {
        Ok(())
    }

    fn classify(&self, _: &(dyn StdError + 'static)) -> Option<Class> {
        None
    }

    async fn sweep(&self, _: Duration, _: u32) -> Result<Swept, StorageError> {
        Ok(Swept::default())
    }
}
