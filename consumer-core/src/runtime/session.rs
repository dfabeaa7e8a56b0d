//! The session of a worker: opened when needed, closed when in doubt.

use crate::{
    clock,
    storage::{Storage, StorageError, UnitLimits},
};

/// A place for one session.
pub(super) struct Slot<S: Storage> {
    storage: S,
    limits: UnitLimits,
    wait: metrics::Histogram,
    session: Option<S::Session>,
}

impl<S: Storage> Slot<S> {
    pub(super) fn new(storage: S, limits: UnitLimits, wait: metrics::Histogram) -> Self {
        Self { storage, limits, wait, session: None }
    }

    /// The session, opened if there is none.
    pub(super) async fn open(&mut self) -> Result<&mut S::Session, StorageError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let asked = clock::now();
                let session = self.storage.open(self.limits).await?;
                self.wait.record(asked.elapsed());
                session
            }
        };
        Ok(self.session.insert(session))
    }

    /// Asks whether the database answers; a session that does not is closed.
    pub(super) async fn ping(&mut self) -> Result<(), StorageError> {
        let storage = self.storage.clone();
        let pinged = match self.open().await {
            Ok(session) => storage.ping(session).await,
            Err(error) => Err(error),
        };
        if pinged.is_err() {
            self.close();
        }
        pinged
    }

    /// Says that nothing waits: the session ends what it has left open for the next unit. One that cannot is closed.
    pub(super) async fn rest(&mut self) {
        let storage = self.storage.clone();
        if let Some(session) = &mut self.session
            && storage.rest(session).await.is_err()
        {
            self.close();
        }
    }

    /// Closes the session, and with it whatever transaction it has open.
    pub(super) fn close(&mut self) {
        self.session = None;
    }
}
