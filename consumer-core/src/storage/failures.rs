//! The contract of the failure records.

use std::{future::Future, time::Duration};

use super::{Sessions, StorageError, Swept};
use crate::{
    failure::{FailureRecord, FailureSurvey, News, RunnerId},
    inbox::ConsumerId,
    message::ClaimKey,
};

/// What storages know about failed events and about messages that may kill their process. Each of these is a transaction
/// of its own; none of its futures may be dropped before it is done. Times are the database's statement clock.
pub trait FailureStorage: Sessions {
    /// Counts a failure: locks the row, writes [`FailureRecord::after`] what it read, and returns what it wrote. Of two
    /// that count at once for one event, both are counted.
    fn record_failure(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        key: ClaimKey,
        news: &News<'_>,
    ) -> impl Future<Output = Result<FailureRecord, StorageError>> + Send;

    /// The record of an event.
    fn find_failure(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> impl Future<Output = Result<Option<FailureRecord>, StorageError>> + Send;

    /// Begins a new generation, [`Redriven`](crate::failure::FailureState::Redriven), its counts at zero, without reason
    /// and without `not_before`. Its class, error and times stay. `false` where there is no record, and none is made.
    fn reset_failure(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Deletes the record of an event that a person has taken care of. `false` where there is none.
    fn resolve_failure(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// How many events of a consumer have failed and are where.
    fn survey_failures(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
    ) -> impl Future<Output = Result<FailureSurvey, StorageError>> + Send;

    /// Deletes at most `batch` records, one process at a time: those whose event is processed, unless they are dead for
    /// [`TransactionEnded`](crate::message::Reason::TransactionEnded) or [`IdReused`](crate::message::Reason::IdReused),
    /// where the claim is part of the trouble; those that are not dead and failed last longer than `retention` ago; and
    /// every one that failed last longer than `keep` ago. Marks that are older than `retention` go too, uncounted.
    fn sweep_failures(
        &self,
        retention: Duration,
        keep: Duration,
        batch: u32,
    ) -> impl Future<Output = Result<Swept, StorageError>> + Send;

    /// Notes that `runner` is about to run a message that was delivered before, and returns how many deaths are counted
    /// for it: one more than before if another runner's mark is found, which that runner would have taken away.
    /// [`RunnerId::NOBODY`] is no runner: it counts no death, and none is counted for it.
    ///
    /// Unless it is run `alone`, with no other unit at work, a message with deaths is marked as nobody's instead: it is to be
    /// run alone, and who dies while it waits does not die of it.
    fn mark_run(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        message: ClaimKey,
        runner: RunnerId,
        alone: bool,
    ) -> impl Future<Output = Result<u32, StorageError>> + Send;

    /// Takes the mark away, whoever made it, and forgets the deaths: the message was run, and somebody lives to tell.
    fn clear_run(
        &self,
        session: &mut Self::Session,
        consumer: ConsumerId,
        message: ClaimKey,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}
