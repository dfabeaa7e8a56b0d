//! A storage in memory that fails on demand: the stage for tests of the runtime itself.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    error::Error as StdError,
    fmt,
    marker::PhantomData,
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{memory_effects::Ledger, memory_failures::Failures, memory_outbox::Table};
use crate::{
    classify::Class,
    departures::Departures,
    doctor::Finding,
    effect::EffectId,
    error::Result,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{
        Commit, ConsumerName, Enrolled, Extent, Rollback, Sessions, Storage, StorageError, Swept, UnitLimits,
    },
};

/// A storage whose claims live in this process, with transactions, rivals that wait and faults by script.
///
/// It has no connection to lend, so it runs handlers that take none; which of them committed, and in which order, is what
/// it can tell. Its effects and the rows of its outbox are leased by tokio's clock, a paused one included.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Notify,
    announcements: Notify,
}

#[derive(Default)]
pub(super) struct State {
    consumers: Vec<(String, Option<String>)>,
    pub(super) claims: Claims,
    pub(super) failures: Failures,
    committed: Vec<String>,
    script: VecDeque<(Step, Fault)>,
    broken: Vec<(Step, Fault)>,
    sessions: usize,
    pub(super) ledger: Ledger,
    pub(super) outbox: Table,
}

impl State {
    /// Writes what a transaction sends away.
    pub(super) fn send_away(&mut self, departures: &Departures) {
        self.outbox.write(&departures.events);
        self.ledger.write(&departures.intents);
    }
}

/// The claims, and whether they are committed.
#[derive(Default)]
pub(super) struct Claims(HashMap<(ConsumerId, ClaimKey), Row>);

impl Claims {
    /// Whether an event is processed.
    pub(super) fn is_processed(&self, event: &(ConsumerId, ClaimKey)) -> bool {
        matches!(self.0.get(event), Some(Row::Committed(_)))
    }
}

enum Row {
    Uncommitted,
    Committed(StoredClaim),
}

/// Where in a unit a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opening a session.
    Open,
    /// Beginning a unit.
    Begin,
    /// Claiming, one event or several.
    Claim,
    /// Committing.
    Commit,
    /// Looking for a claim outside a unit.
    Find,
    /// Asking whether the database answers.
    Ping,
    /// Leaving a session alone for a while.
    Rest,
    /// Asking for the right to call an effect before the transaction of its event.
    StartEffect,
    /// Leasing the effects that are due.
    LeaseEffects,
    /// Renewing the lease of an effect.
    RenewEffect,
    /// Writing how a call has ended: [`Fault::ReplyLost`] after it was written, every other fault before.
    FinishEffect,
    /// Leasing rows of the outbox.
    LeaseOutbox,
    /// Renewing their leases.
    RenewOutbox,
    /// Writing what became of them: [`Fault::ReplyLost`] after it was written, every other fault before.
    SettleOutbox,
    /// Asking how the outbox is doing.
    SurveyOutbox,
    /// Counting a failure.
    RecordFailure,
    /// Looking for a failure record.
    FindFailure,
    /// Marking a message that is run.
    MarkRun,
    /// Taking the mark away.
    ClearRun,
}

/// What goes wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error of this class; at a commit, the database refuses it.
    Error(Class),
    /// An error that no storage has a class for, such as a password that was changed.
    Unclassified,
    /// The connection is lost; at a commit, before it was sent.
    Lost,
    /// The commit is executed, but its reply is lost.
    ReplyLost,
    /// The commit is not executed, and the connection is lost.
    RequestLost,
    /// A statement failed before, and its error was swallowed.
    Swallowed,
    /// The handler has committed its transaction itself.
    EndedByCommit,
    /// The handler's transaction was rolled back under it, as a deadlock's victim is.
    EndedByRollback,
}

/// An error of [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryError(Option<Class>);

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a scripted fault of class {}", self.0.map_or("none", Class::as_str))
    }
}

impl StdError for MemoryError {}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        Box::new(MemoryError(match fault {
            Fault::Error(class) => Some(class),
            Fault::Unclassified => None,
            _ => Some(Class::ServerAway),
        }))
    }
}

/// A session of a [`MemoryStore`].
pub struct MemorySession(MemoryStore);

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.0.state().sessions -= 1;
    }
}

/// The transaction of one unit.
pub struct MemoryTx<'s> {
    store: MemoryStore,
    claimed: Vec<(ConsumerId, ClaimKey, StoredClaim)>,
    /// Claims that were taken back. Rivals wait for them all the same.
    unclaimed: Vec<(ConsumerId, ClaimKey)>,
    session: PhantomData<&'s mut MemorySession>,
}

impl MemoryTx<'_> {
    fn commit(&mut self, departures: &Departures) {
        let mut state = self.store.state();
        state.send_away(departures);
        for (consumer, key, stored) in self.claimed.drain(..) {
            state.ledger.used((consumer, key));
            state.committed.push(stored.readable_id.clone().unwrap_or_else(|| key.to_string()));
            state.claims.0.insert((consumer, key), Row::Committed(stored));
        }
    }
}

impl Drop for MemoryTx<'_> {
    fn drop(&mut self) {
        let claimed = self.claimed.drain(..).map(|(consumer, key, _)| (consumer, key));
        let mut state = self.store.state();
        for event in claimed.chain(self.unclaimed.drain(..)) {
            state.claims.0.remove(&event);
        }
        drop(state);
        self.store.0.ended.notify_waiters();
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has `fault` strike at the next `step`; several for one step strike one after the other.
    pub fn fail(&self, step: Step, fault: Fault) {
        self.state().script.push_back((step, fault));
    }

    /// Has `fault` strike at every `step` from now on, until it is [repaired](Self::repair).
    pub fn break_down(&self, step: Step, fault: Fault) {
        self.state().broken.push((step, fault));
    }

    /// Nothing is broken any more. What is scripted still strikes.
    pub fn repair(&self) {
        self.state().broken.clear();
    }

    /// Faults that have not struck yet.
    pub fn pending_faults(&self) -> usize {
        self.state().script.len()
    }

    /// The ids of the events whose units have committed, in that order.
    pub fn committed(&self) -> Vec<String> {
        self.state().committed.clone()
    }

    /// How many messages are marked as run.
    pub fn marks(&self) -> usize {
        self.state().failures.marks()
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.state().sessions
    }

    pub(super) fn announcements(&self) -> &Notify {
        &self.0.announcements
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next fault for `step` out of the script.
    pub(super) fn strikes(&self, step: Step) -> Option<Fault> {
        let mut state = self.state();
        let planned = |(planned, _): &(Step, Fault)| *planned == step;
        match state.script.iter().position(planned) {
            Some(at) => state.script.remove(at).map(|(_, fault)| fault),
            None => state.broken.iter().find(|broken| planned(broken)).map(|(_, fault)| *fault),
        }
    }

    /// Does something once no unit holds a claim of this event that is neither committed nor undone, and says whether the event
    /// is processed.
    pub(super) async fn once_settled<T>(
        &self,
        event: (ConsumerId, ClaimKey),
        mut then: impl FnMut(&mut State, bool) -> T,
    ) -> T {
        loop {
            let ended = self.0.ended.notified();
            let done = {
                let mut state = self.state();
                match state.claims.0.get(&event) {
                    Some(Row::Uncommitted) => None,
                    other => {
                        let processed = other.is_some();
                        Some(then(&mut state, processed))
                    }
                }
            };
            match done {
                Some(done) => return done,
                None => ended.await,
            }
        }
    }

    pub(super) fn check(&self, step: Step) -> Result<(), StorageError> {
        self.strikes(step).map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Inserts claims, or says what is there; `None` while somebody else's is neither committed nor undone.
    fn try_claim(&self, tx: &mut MemoryTx<'_>, claims: &[Claim]) -> Option<Vec<Claimed>> {
        let claims_of = &mut self.state().claims.0;
        let is_held =
            |claim: &Claim| matches!(claims_of.get(&(claim.consumer, claim.key)), Some(Row::Uncommitted));
        if claims.iter().any(is_held) {
            return None;
        }
        let mut insert = |claim: &Claim| match claims_of.entry((claim.consumer, claim.key)) {
            Entry::Occupied(entry) => match entry.get() {
                Row::Committed(stored) => Claimed::Taken(stored.clone()),
                Row::Uncommitted => Claimed::Vanished,
            },
            Entry::Vacant(entry) => {
                entry.insert(Row::Uncommitted);
                let stored = StoredClaim::new(claim.stamp(), claim.readable_id.clone());
                tx.claimed.push((claim.consumer, claim.key, stored));
                Claimed::Fresh
            }
        };
        Some(claims.iter().map(&mut insert).collect())
    }
}

impl Sessions for MemoryStore {
    type Session = MemorySession;

    async fn open(&self, _: UnitLimits) -> Result<MemorySession, StorageError> {
        self.check(Step::Open)?;
        self.state().sessions += 1;
        Ok(MemorySession(self.clone()))
    }

    async fn ping(&self, _: &mut MemorySession) -> Result<(), StorageError> {
        self.check(Step::Ping)
    }

    async fn rest(&self, _: &mut MemorySession) -> Result<(), StorageError> {
        self.check(Step::Rest)
    }

    fn classify(&self, error: &(dyn StdError + 'static)) -> Option<Class> {
        error.downcast_ref::<MemoryError>().and_then(|MemoryError(class)| *class)
    }
}

impl Storage for MemoryStore {
    const NAME: &'static str = "memory";
    type Tx<'s> = MemoryTx<'s>;

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn enroll(&self, consumers: &[ConsumerName<'_>]) -> Result<Vec<ConsumerId>> {
        let known = &mut self.state().consumers;
        let mut id = |consumer: &ConsumerName<'_>| {
            let at = known
                .iter()
                .position(|(name, _)| name == consumer.name || consumer.aliases.contains(&name.as_str()));
            let at = at.unwrap_or_else(|| {
                known.push((consumer.name.to_owned(), None));
                known.len() - 1
            });
            ConsumerId(at as i32)
        };
        Ok(consumers.iter().map(&mut id).collect())
    }

    async fn note_deployments(&self, consumers: &[(&str, String)]) -> Result<()> {
        let known = &mut self.state().consumers;
        for (name, deployment) in consumers {
            for (_, noted) in known.iter_mut().filter(|(known, _)| known == name) {
                *noted = Some(deployment.clone());
            }
        }
        Ok(())
    }

    async fn enrolled(&self) -> Result<Vec<Enrolled>> {
        let mut enrolled: Vec<_> = self
            .state()
            .consumers
            .iter()
            .enumerate()
            .map(|(at, (name, deployment))| Enrolled {
                name: name.clone(),
                id: ConsumerId(at as i32),
                deployment: deployment.clone(),
            })
            .collect();
        enrolled.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(enrolled)
    }

    async fn examine(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn capacity(&self) -> Option<u32> {
        None
    }

    async fn begin<'s>(&self, _: &'s mut MemorySession, _: Extent) -> Result<MemoryTx<'s>, StorageError> {
        self.check(Step::Begin)?;
        let (claimed, unclaimed) = (Vec::new(), Vec::new());
        Ok(MemoryTx { store: self.clone(), claimed, unclaimed, session: PhantomData })
    }

    async fn claim(&self, tx: &mut Self::Tx<'_>, claim: &Claim) -> Result<Claimed, StorageError> {
        let claimed = self.claim_many(tx, slice::from_ref(claim)).await?;
        Ok(claimed.into_iter().next().unwrap_or(Claimed::Vanished))
    }

    async fn claim_many(
        &self,
        tx: &mut Self::Tx<'_>,
        claims: &[Claim],
    ) -> Result<Vec<Claimed>, StorageError> {
        self.check(Step::Claim)?;
        loop {
            let ended = self.0.ended.notified();
            if let Some(claimed) = self.try_claim(tx, claims) {
                return Ok(claimed);
            }
            ended.await;
        }
    }

    async fn unclaim(&self, tx: &mut Self::Tx<'_>, claims: &[Claim]) -> Result<(), StorageError> {
        let is_meant = |event| claims.iter().any(|claim| (claim.consumer, claim.key) == event);
        let meant = tx.claimed.extract_if(.., |(consumer, key, _)| is_meant((*consumer, *key)));
        tx.unclaimed.extend(meant.map(|(consumer, key, _)| (consumer, key)));
        Ok(())
    }

    async fn keep_effects(&self, _: &mut Self::Tx<'_>, effects: &[EffectId]) -> Result<bool, StorageError> {
        Ok(self.state().ledger.none_is_compensated(effects))
    }

    async fn commit(&self, mut tx: Self::Tx<'_>, departures: &Departures) -> Commit {
        let error = |class| Box::new(MemoryError(Some(class)));
        match self.strikes(Step::Commit) {
            None => {
                tx.commit(departures);
                Commit::Done
            }
            Some(Fault::ReplyLost) => {
                tx.commit(departures);
                Commit::Unknown(error(Class::ServerAway))
            }
            Some(Fault::EndedByCommit) => {
                tx.commit(&Departures::default());
                Commit::Ended
            }
            Some(Fault::EndedByRollback) => Commit::Ended,
            Some(Fault::Lost) => Commit::Lost(error(Class::ServerAway)),
            Some(Fault::RequestLost) => Commit::Unknown(error(Class::ServerAway)),
            Some(Fault::Swallowed) => Commit::Aborted(error(Class::Transient)),
            Some(Fault::Error(class)) => Commit::Refused(error(class)),
            Some(Fault::Unclassified) => Commit::Refused(Box::new(MemoryError(None))),
        }
    }

    async fn roll_back(&self, tx: Self::Tx<'_>) -> Rollback {
        drop(tx);
        Rollback::Done
    }

    async fn find(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<StoredClaim>, StorageError> {
        self.check(Step::Find)?;
        Ok(match self.state().claims.0.get(&(consumer, key)) {
            Some(Row::Committed(stored)) => Some(stored.clone()),
            _ => None,
        })
    }

    async fn sweep(&self, _: Duration, _: u32) -> Result<Swept, StorageError> {
        Ok(Swept::default())
    }
}
