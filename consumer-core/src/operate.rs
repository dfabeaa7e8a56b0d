//! What people do by hand: with effects that wait for them, and with events that cannot leave.
//!
//! Both work beside any number of running processes. What they change is picked up within a poll interval.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    effect::{ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord},
    error::{Error, Result},
    outbox::{Filter, Listed, Survey},
    storage::{EffectStorage, OutboxStorage, StorageError, UnitLimits},
};

/// The limits of a session that runs one statement for a person.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// The effect ledger, as a person reads and corrects it.
///
/// ```
/// # use consumer_core::{effect::{ByHand, EffectFilter}, operate::EffectLedger, testing::MemoryStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> consumer_core::Result<()> {
/// # let store = MemoryStore::new();
/// let ledger = EffectLedger::new(store);
/// for row in ledger.list(&EffectFilter::default()).await? {
///     println!("{} {} {}", row.intent.id, row.intent.effect, row.state);
///     // The provider says that it did nothing.
///     ledger.resolve(row.intent.id, &ByHand::NotDone("asked on the phone".to_owned())).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EffectLedger<S>(S);

/// The outbox, as a person reads and corrects it.
#[derive(Clone, Debug)]
pub struct OutboxTable<S>(S);

/// Opens a session, runs one statement and closes the session again.
macro_rules! by_hand {
    ($store:expr, $what:literal, |$storage:ident, $session:ident| $statement:expr) => {{
        let $storage = &$store;
        let answer = match $storage.open(LIMITS).await {
            Ok(mut opened) => {
                let $session = &mut opened;
                $statement.await
            }
            Err(error) => Err(error),
        };
        answer.map_err(|error: StorageError| Error::unavailable($what).because(error))
    }};
}

impl<S: EffectStorage> EffectLedger<S> {
    /// The ledger of a storage, whose tables are there.
    pub fn new(storage: S) -> Self {
        Self(storage)
    }

    /// Rows, the oldest first; what waits for a person unless the filter says otherwise.
    ///
    /// # Errors
    /// [`is_unavailable`](Error::is_unavailable) if the database does not answer as it should; like all of these.
    pub async fn list(&self, filter: &EffectFilter) -> Result<Vec<EffectRecord>> {
        by_hand!(self.0, "cannot list effects", |storage, session| storage.list_effects(session, filter))
    }

    /// One row.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn show(&self, id: EffectId) -> Result<Option<EffectRecord>> {
        by_hand!(self.0, "cannot find an effect", |storage, session| storage.find_effect(session, id))
    }

    /// Writes what a person has found out: the effect is never called again. `false` if it is not one that waits, because
    /// it is done, being called by somebody whose lease has not run out, or unknown to this ledger.
    ///
    /// A delivery that was dead-lettered for want of it can be redriven then.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn resolve(&self, id: EffectId, found: &ByHand) -> Result<bool> {
        by_hand!(self.0, "cannot resolve an effect", |storage, session| {
            storage.resolve_effect(session, id, found)
        })
    }

    /// Has an effect called again now, with the same key and the same bytes, whatever is known of earlier calls. `false` like
    /// [`resolve`](Self::resolve).
    ///
    /// Of an effect whose outcome is unknown this may do it a second time, where the provider has forgotten its key or
    /// honours none: ask it first.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn release(&self, id: EffectId) -> Result<bool> {
        by_hand!(self.0, "cannot release an effect", |storage, session| storage.release_effect(session, id))
    }

    /// How many are in which state.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn count(&self) -> Result<EffectCounts> {
        by_hand!(self.0, "cannot count effects", |storage, session| storage.count_effects(session))
    }
}

impl<S: OutboxStorage> OutboxTable<S> {
    /// The outbox of a storage, whose tables are there.
    pub fn new(storage: S) -> Self {
        Self(storage)
    }

    /// Rows, the oldest first; what the broker refuses unless the filter says otherwise.
    ///
    /// # Errors
    /// [`is_unavailable`](Error::is_unavailable) if the database does not answer as it should; like all of these.
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
