//! The contract of a storage: sessions, units and claims.
//!
//! One delivery, or one batch of them, is one *unit*: begin, claim, handler, guard, flush, commit. A worker owns one [`Sessions::Session`], a pinned
//! connection, and runs its units on it one after the other. The contract in executable form is
//! [`storage_suite`](crate::testing::storage_suite).
//!
//! A session is as good as new after [`Commit::Done`], [`Commit::Aborted`], [`Commit::Refused`] and [`Rollback::Done`],
//! and after a claim that failed and was rolled back. After anything else (an error of `begin`, `find` or `ping`, a unit
//! that [ended](Commit::Ended), an unknown commit, a handler dropped while it ran) nobody knows what the connection
//! holds: drop the session and open another.

mod effects;
mod failures;
mod outbox;
mod pace;
mod sessions;

use std::{error::Error as StdError, future::Future, time::Duration};

pub use self::{
    effects::EffectStorage,
    failures::FailureStorage,
    outbox::{OutboxStorage, RelayId},
    pace::SweepPace,
    sessions::Sessions,
};
use crate::{
    departures::Departures,
    doctor::Finding,
    effect::EffectId,
    error::Result,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
};

/// An error of a storage's statement, as its driver gave it.
pub type StorageError = Box<dyn StdError + Send + Sync>;

/// The time limits of a unit, from which a storage derives its own.
///
/// A server must outlive the handler (a lock wait that ends first could be swallowed by it) and must not outlive it by
/// much: the claim of a stopped process has to free itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitLimits {
    /// How long the handler may run.
    pub handler: Duration,
    /// How long the server waits beyond it before it ends a transaction that nobody continues.
    pub grace: Duration,
}

impl UnitLimits {
    /// When the server gives a silent transaction up.
    pub fn server(&self) -> Duration {
        self.handler + self.grace
    }
}

/// How many events a unit takes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One: it waits for a lock as long as its limits allow.
    One,
    /// Several. Where a lock wait can end without harm it ends soon, as a conflict: their messages are then processed one by
    /// one, and no batch keeps many of them waiting for one event of somebody else.
    Many,
}

/// A consumer's name in the database, with the names it had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerName<'a> {
    /// The name it has now.
    pub name: &'a str,
    /// Names it had: their claims stay its claims.
    pub aliases: &'a [&'a str],
}

/// A consumer that is enrolled, under one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The name.
    pub name: String,
    /// Its id; a consumer that was renamed has several names.
    pub id: ConsumerId,
    /// How the last process that ran it was set up, as JSON; `None` for a name that no process has run under.
    pub deployment: Option<String>,
}

/// How a unit that should commit has ended.
#[derive(Debug)]
pub enum Commit {
    /// It is durable.
    Done,
    /// The database had aborted the transaction before, because of a statement whose error the handler swallowed.
    /// Nothing remains of the unit.
    Aborted(StorageError),
    /// The transaction that claimed the event was ended by the handler (its own COMMIT or ROLLBACK, DDL on MySQL) or by
    /// the database (a deadlock's victim). Nothing was committed by us; what the handler committed, remains.
    Ended,
    /// The database refused the commit, or what the unit sends away. Nothing remains of the unit.
    Refused(StorageError),
    /// The connection was lost before the commit was sent. Nothing was committed by us; what the handler committed,
    /// remains.
    Lost(StorageError),
    /// The connection was lost when the commit had been sent, or might have been. Only the claim can tell.
    Unknown(StorageError),
}

/// How a unit that should not commit has ended.
#[derive(Debug)]
pub enum Rollback {
    /// Nothing remains of it.
    Done,
    /// The transaction that claimed the event was no longer there: see [`Commit::Ended`].
    Ended,
    /// The connection was lost; nothing of the unit can be committed any more.
    Lost(StorageError),
}

/// How far the sweeper has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rows deleted.
    pub rows: u64,
    /// Whether older ones may be left: the sweeper goes on at once.
    pub more: bool,
}

/// A place where claims and business rows commit together.
///
/// None of its futures may be dropped before it is done, except those of [`Sessions::open`] and [`Storage::sweep`], and
/// those of [`Storage::prepare`] and [`Storage::enroll`] by a process that is told to stop: the runtime never puts a
/// timeout around them. Limits live in the database.
pub trait Storage: OutboxStorage + EffectStorage + FailureStorage {
    /// The name used in logs, such as `postgres`.
    const NAME: &'static str;

    /// The transaction of one unit. Dropping it without [`commit`](Self::commit) or [`roll_back`](Self::roll_back)
    /// undoes the unit; drop the session then too.
    type Tx<'s>: Send;

    /// Where the database is, for logs; never with a password.
    fn describe(&self) -> String {
        Self::NAME.to_owned()
    }

    /// Creates or upgrades the tables, or only verifies them, as the storage was configured.
    ///
    /// # Errors
    /// [`is_schema`](crate::Error::is_schema) with the command that repairs it.
    fn prepare(&self) -> impl Future<Output = Result<()>> + Send;

    /// The ids of consumers, in the order given; unknown names are recorded.
    ///
    /// # Errors
    /// [`is_wiring`](crate::Error::is_wiring) where a name and its alias are both in use by now.
    fn enroll(&self, consumers: &[ConsumerName<'_>]) -> impl Future<Output = Result<Vec<ConsumerId>>> + Send;

    /// Notes how consumers of this process are set up, for [`enrolled`](Self::enrolled): what [`crate::doctor`] and people
    /// with a command line know of them.
    ///
    /// # Errors
    /// [`is_unavailable`](crate::Error::is_unavailable).
    fn note_deployments(&self, consumers: &[(&str, String)]) -> impl Future<Output = Result<()>> + Send;

    /// All consumers that were ever enrolled, by name.
    ///
    /// # Errors
    /// [`is_unavailable`](crate::Error::is_unavailable).
    fn enrolled(&self) -> impl Future<Output = Result<Vec<Enrolled>>> + Send;

    /// What [`prepare`](Self::prepare) would refuse or warn about, without changing anything: tables that are missing or
    /// old, settings under which a commit is no promise.
    fn examine(&self) -> impl Future<Output = Vec<Finding>> + Send;

    /// How many sessions can be open at once, if there is a limit. What `prepare`, `enroll` and `sweep` need, comes on
    /// top of it.
    fn capacity(&self) -> Option<u32>;

    /// Starts a unit: a transaction, with the savepoint that proves its identity at the end.
    fn begin<'s>(
        &self,
        session: &'s mut Self::Session,
        extent: Extent,
    ) -> impl Future<Output = Result<Self::Tx<'s>, StorageError>> + Send;

    /// Claims an event, first of all; waits for a rival who is about to.
    fn claim(
        &self,
        tx: &mut Self::Tx<'_>,
        claim: &Claim,
    ) -> impl Future<Output = Result<Claimed, StorageError>> + Send;

    /// Claims several events at once, first of all; waits for rivals who are about to. All are claims of one consumer, and none
    /// of them has a key that another has.
    ///
    /// They are inserted in the order of their keys, whatever order they are given in, so that two batches never wait for each
    /// other in a circle. The answers come in the order given. After an error the unit is to be rolled back, whatever was
    /// claimed: some claims may be there by then.
    fn claim_many(
        &self,
        tx: &mut Self::Tx<'_>,
        claims: &[Claim],
    ) -> impl Future<Output = Result<Vec<Claimed>, StorageError>> + Send;

    /// Takes fresh claims of this very transaction back, as if they had never been made: with its commit it has not processed
    /// their events, and rivals wait for them until it has ended.
    ///
    /// Where the transaction is no longer the one that claimed, it fails and takes nothing back: what the handler has committed
    /// is processed. After an error the unit is to be rolled back, which says whether it was that.
    fn unclaim(
        &self,
        tx: &mut Self::Tx<'_>,
        claims: &[Claim],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Keeps done effects of the claimed event from being [compensated](EffectStorage::compensate_effect) until the unit has
    /// ended; `false` if one was. With the commit of the unit they are used, and [swept](EffectStorage::sweep_effects) like its
    /// claim.
    fn keep_effects(
        &self,
        tx: &mut Self::Tx<'_>,
        effects: &[EffectId],
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Commits the unit with what it sends away, if the transaction is still the one that claimed.
    ///
    /// In this order: the guard, the flush, the commit. After the guard no statement but ours runs, so that nothing is ever
    /// written into a transaction that the handler began. The flush takes the numbers of the lanes, locked in their order,
    /// then one insert for all events and one for all effects; an error of it is [`Commit::Refused`]. An effect that is in the
    /// ledger already keeps its state, its key and its bytes: its event was processed before, and its claim was swept; or it
    /// was called before the transaction until a deploy, and is due after the commit from now on.
    fn commit(&self, tx: Self::Tx<'_>, departures: &Departures) -> impl Future<Output = Commit> + Send;

    /// Undoes the unit, and says whether the transaction was still the one that claimed.
    fn roll_back(&self, tx: Self::Tx<'_>) -> impl Future<Output = Rollback> + Send;

    /// The committed claim under a key.
    fn find(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> impl Future<Output = Result<Option<StoredClaim>, StorageError>> + Send;

    /// Deletes at most `batch` claims that are older than `retention` by the database's clock; one process at a time,
    /// whoever comes second deletes none. A claim stays while there is a [failure record](FailureStorage) of its event. A
    /// storage may look at a part of a large table at a time, and after a whole pass rest for a hundredth of `retention`.
    fn sweep(
        &self,
        retention: Duration,
        batch: u32,
    ) -> impl Future<Output = Result<Swept, StorageError>> + Send;
}
