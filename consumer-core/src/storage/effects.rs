//! The contract of the effect ledger.
//!
//! A row is written before its effect is called, `started` is committed before the call, and the outcome after it. Who
//! starts a row gets a lease and a fencing token, one higher than the last. Times are the database's statement clock.

use std::{future::Future, time::Duration};

use super::{Sessions, StorageError, Swept};
use crate::{
    departures::Departures,
    effect::{
        ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, Ending, Intent, Leased, Recorded, Right,
    },
    inbox::ConsumerId,
    message::ClaimKey,
};

/// The effect ledger. None of its futures may be dropped before it is done.
pub trait EffectStorage: Sessions {
    /// Asks for the right to call an effect before the transaction of its event, and commits `started` if it is given.
    ///
    /// The row is written if there is none; else its own key and bytes count, not those of `intent`. A `planned` row whose
    /// time has not come is [`Right::Busy`] until then; one whose lease has run out is given, and is
    /// [`uncertain`](Leased::uncertain) from then on. Of any number who ask at once one gets it.
    fn start_effect(
        &self,
        session: &mut Self::Session,
        intent: &Intent,
        lease: Duration,
    ) -> impl Future<Output = Result<Right, StorageError>> + Send;

    /// Starts at most `limit` effects of [`Moment::After`](crate::effect::Moment::After) that are due and have one of these
    /// names, the most overdue first; those that were started and whose lease has run out are due, and
    /// [`uncertain`](Leased::uncertain). Several may ask at once; no two get the same.
    fn lease_effects(
        &self,
        session: &mut Self::Session,
        effects: &[&str],
        lease: Duration,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Leased>, StorageError>> + Send;

    /// Has the lease end `lease` from now; `false` if somebody has started the effect anew, or ended it.
    fn renew_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
        fence: i64,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Writes the ending of a call, and what it sends away, in one transaction: accepted while the row is `started` with this
    /// fence, even if the lease has run out; else it is kept as evidence, and nothing is sent away. An ending whose answer was
    /// lost may be told again: it is accepted, and written once.
    ///
    /// Every ending but [`Ending::Returned`] counts as an attempt. Texts are cut to [`MAX_ERROR`](crate::effect::MAX_ERROR)
    /// and [`MAX_EVIDENCE`](crate::effect::MAX_EVIDENCE).
    fn finish_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
        fence: i64,
        ending: &Ending,
        departures: &Departures,
    ) -> impl Future<Output = Result<Recorded, StorageError>> + Send;

    /// The effects of [`Moment::Before`](crate::effect::Moment::Before) of one event, the oldest first.
    fn effects_of(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        event: ClaimKey,
    ) -> impl Future<Output = Result<Vec<EffectRecord>, StorageError>> + Send;

    /// Marks a done effect as compensated and writes what compensates it, in one transaction; `false`, and nothing is
    /// written, if it was marked before or is not done, or if its event is processed: a unit that
    /// [keeps](super::Storage::keep_effects) it is waited for.
    fn compensate_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
        departures: &Departures,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Rows for people to look at, the oldest first.
    fn list_effects(
        &self,
        session: &mut Self::Session,
        filter: &EffectFilter,
    ) -> impl Future<Output = Result<Vec<EffectRecord>, StorageError>> + Send;

    /// One row.
    fn find_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
    ) -> impl Future<Output = Result<Option<EffectRecord>, StorageError>> + Send;

    /// Writes what a person has found out about a failed or unknown effect, one that is planned again, or one whose caller
    /// has let its lease run out; `false` if it is in another state.
    fn resolve_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
        found: &ByHand,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Has a failed or unknown effect, one that waits for its time, or one whose caller has let its lease run out, called again
    /// now, with the same key and the same bytes, its attempts and its doubts forgotten; `false` if it is in another state.
    ///
    /// Whoever releases it says that none of the calls so far was done. So the next call is the first that the provider may
    /// remember, and the lifetime of the key counts from it. What is forgotten is kept as evidence.
    fn release_effect(
        &self,
        session: &mut Self::Session,
        id: EffectId,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// How many are in which state.
    fn count_effects(
        &self,
        session: &mut Self::Session,
    ) -> impl Future<Output = Result<EffectCounts, StorageError>> + Send;

    /// Deletes at most `batch` effects that were done after a commit, [used](super::Storage::keep_effects) by their event, or
    /// [settled](EffectRecord::settled) by a person, longer than `retention` ago; one process at a time. Others that failed or
    /// are unknown stay until a person has resolved them, and what was done for an event that was never processed stays for
    /// ever: its dead letter may be redriven.
    fn sweep_effects(
        &self,
        retention: Duration,
        batch: u32,
    ) -> impl Future<Output = Result<Swept, StorageError>> + Send;
}
