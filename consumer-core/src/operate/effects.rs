//! The effect ledger, by hand.

use super::by_hand;
use crate::{
    effect::{ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord},
    error::Result,
    storage::EffectStorage,
};

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

impl<S: EffectStorage> EffectLedger<S> {
    /// The ledger of a storage, whose tables are there.
    pub fn new(storage: S) -> Self {
        Self(storage)
    }

    /// Rows, the oldest first; what waits for a person unless the filter says otherwise.
    ///
    /// # Errors
    /// [`is_unavailable`](crate::Error::is_unavailable) if the database does not answer as it should; like all of these.
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
