//! Units of one session, as a worker runs them: begin, claim, commit.

use std::time::Duration;

use anyhow::{Error, Result, bail, ensure};
use consumer_core::{
    departures::Departures,
    inbox::{Claim, Claimed, Repeat, compare},
    storage::{Commit, Extent, Rollback, Storage, StorageError, UnitLimits},
};

use super::ids::Source;

/// Events of a batch.
pub(super) const BATCH: u64 = 64;
/// What a worker has by default.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// A session, and which events it has claimed: all up to a number.
pub(super) struct Units<S: Storage> {
    store: S,
    session: S::Session,
    source: Source,
    next: u64,
}

impl<S: Storage> Units<S> {
    pub(super) async fn open(store: S, source: Source) -> Result<Self> {
        let session = store.open(LIMITS).await.map_err(failed)?;
        Ok(Self { store, session, source, next: 0 })
    }

    /// The number of the next event; so many rows are there.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// For somebody else who claims events.
    pub(super) fn next_mut(&mut self) -> &mut u64 {
        &mut self.next
    }

    /// Claims one event that is new.
    pub(super) async fn one(&mut self) -> Result<()> {
        let claim = self.source.claim(self.next);
        let mut tx = self.store.begin(&mut self.session, Extent::One).await.map_err(failed)?;
        let claimed = self.store.claim(&mut tx, &claim).await.map_err(failed)?;
        ensure!(claimed == Claimed::Fresh, "event {} is there: {claimed:?}", self.next);
        done(self.store.commit(tx, &Departures::default()).await)?;
        self.next += 1;
        Ok(())
    }

    /// Claims a batch of events that are new.
    pub(super) async fn batch(&mut self) -> Result<()> {
        let claims: Vec<_> = (self.next..self.next + BATCH).map(|number| self.source.claim(number)).collect();
        let mut tx = self.store.begin(&mut self.session, Extent::Many).await.map_err(failed)?;
        let claimed = self.store.claim_many(&mut tx, &claims).await.map_err(failed)?;
        ensure!(claimed.iter().all(|claimed| *claimed == Claimed::Fresh), "an event of a batch is there");
        done(self.store.commit(tx, &Departures::default()).await)?;
        self.next += BATCH;
        Ok(())
    }

    /// Claims a batch of events that are there, anywhere in the table, and ends like every unit that has nothing to do.
    pub(super) async fn duplicates(&mut self) -> Result<()> {
        ensure!(self.next >= 2 * BATCH, "nothing is there yet");
        let claims = self.some_again();
        let mut tx = self.store.begin(&mut self.session, Extent::Many).await.map_err(failed)?;
        let claimed = self.store.claim_many(&mut tx, &claims).await.map_err(failed)?;
        let same = claims.iter().zip(&claimed).all(|(claim, claimed)| is_duplicate(claim, claimed));
        ensure!(same, "an event that is there is not found as the library would have written it");
        match self.store.roll_back(tx).await {
            Rollback::Done => Ok(()),
            other => bail!("a unit was not rolled back: {other:?}"),
        }
    }

    /// One of each of so many parts: none twice.
    fn some_again(&self) -> Vec<Claim> {
        let part = self.next / BATCH;
        (0..BATCH).map(|at| self.source.claim(at * part + fastrand::u64(..part))).collect()
    }

    /// Leaves the session alone for a while.
    pub(super) async fn rest(&mut self) -> Result<()> {
        self.store.rest(&mut self.session).await.map_err(failed)
    }
}

pub(super) fn failed(error: StorageError) -> Error {
    Error::from_boxed(error)
}

fn is_duplicate(claim: &Claim, claimed: &Claimed) -> bool {
    matches!(claimed, Claimed::Taken(stored) if compare(claim, stored) == Repeat::Duplicate)
}

fn done(commit: Commit) -> Result<()> {
    match commit {
        Commit::Done => Ok(()),
        other => bail!("a unit was not committed: {other:?}"),
    }
}
