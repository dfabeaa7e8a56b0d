//! The contract of a storage as tests that every implementation must pass.

mod claim;
mod claim_many;
mod commit;
mod effects;
mod enrolled;
mod failures;
mod guard;
mod limits;
mod outbox_lease;
mod outbox_settle;
mod outbox_stage;
mod outbox_write;
mod prepare;
mod race;
mod rename;
mod rollback;
mod stage;
mod sweep;
mod unclaim;

use std::future::Future;

use futures_util::FutureExt;

use self::stage::Stage;
pub use self::{effects::effect_suite, failures::failure_suite};
use crate::storage::{Storage, StorageError};

/// One empty database, and what a handler would do in it.
///
/// The suite knows claims, the outbox, effects and failures; business rows it must be lent. They live in a table of one text column that is there before
/// the suite begins, in the same database.
pub trait SuiteStorage: Send + Sync + 'static {
    /// The storage under test.
    type Store: Storage;

    /// Whether the database itself ends a transaction that nobody continues. Only an embedded one may say no: then a
    /// process that is stopped, and not killed, keeps its claims.
    const ENDS_ABANDONED_UNITS: bool = true;

    /// A store on this database, as one more process would open it: for at least 12 sessions.
    fn store(&self) -> impl Future<Output = Self::Store> + Send;

    /// Inserts a business row in a unit's transaction, as a handler would.
    fn write(
        &self,
        tx: &mut <Self::Store as Storage>::Tx<'_>,
        value: &str,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Runs a statement that the database refuses, such as a violated constraint, and returns its error.
    fn fail(
        &self,
        tx: &mut <Self::Store as Storage>::Tx<'_>,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Ends the unit's transaction behind the runtime's back, by the statements a handler would use. It may fail.
    fn end(
        &self,
        tx: &mut <Self::Store as Storage>::Tx<'_>,
        ending: Ending,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Makes the unit the victim of a deadlock with a connection of its own. `false` where the database has none.
    fn deadlock(&self, tx: &mut <Self::Store as Storage>::Tx<'_>) -> impl Future<Output = bool> + Send;

    /// The committed business rows, as another connection sees them.
    fn written(&self) -> impl Future<Output = Vec<String>> + Send;
}

/// How a handler can end its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `COMMIT`.
    Commit,
    /// `COMMIT`, and another transaction after it.
    CommitAndBegin,
    /// `ROLLBACK`.
    RollBack,
    /// `ROLLBACK`, and another transaction after it.
    RollBackAndBegin,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Commit, Self::CommitAndBegin, Self::RollBack, Self::RollBackAndBegin];

    /// Whether it leaves a transaction open, which is not the one that claimed.
    pub fn begins(self) -> bool {
        matches!(self, Self::CommitAndBegin | Self::RollBackAndBegin)
    }
}

/// Runs every case of the contract of [`Storage`] against an implementation.
///
/// `fresh` makes an empty database each time it is called; each case gets one of its own.
///
/// ```no_run
/// # use consumer_core::testing::{SuiteStorage, storage_suite};
/// # async fn example<MyDatabase: SuiteStorage>(create: fn() -> std::pin::Pin<Box<dyn Future<Output = MyDatabase>>>) {
/// storage_suite(create).await;
/// # }
/// ```
///
/// # Panics
/// After the last case, naming all those that failed and the rules they broke.
/// `storage::race::a_waiter_is_told_what_the_first_committed` is in `testing/storage/race.rs`.
pub async fn storage_suite<S, F>(fresh: impl Fn() -> F)
where
    S: SuiteStorage,
    F: Future<Output = S> + 'static,
{
    let stage = Stage::new(&fresh);
    let mut failed = Vec::new();
    macro_rules! run {
        ($($verb:ident: $($case:ident)*;)*) => { $($(
            let name = concat!("storage::", stringify!($verb), "::", stringify!($case));
            // In a box and made elsewhere: all cases in one stack frame are more than a thread of a test has.
            let case = || async { $verb::$case(&stage.database().await).await }.boxed_local();
            failed.extend(stage::run(name, case()).await);
        )*)* };
    }
    run! {
        prepare:
            twice_changes_nothing
            by_many_at_once_works;
        claim:
            of_a_new_event_is_fresh_and_found_after_the_commit
            of_the_same_event_is_taken_and_shows_what_was_stored
            is_seen_by_others_only_after_the_commit
            tells_ids_apart_that_a_collation_would_not
            tells_sources_apart
            keeps_ids_of_any_text
            of_one_event_by_two_consumers_is_fresh_for_both;
        claim_many:
            of_new_events_are_fresh_and_found_after_the_commit
            that_are_rolled_back_leave_none
            tell_which_are_taken_and_what_was_stored
            of_no_events_are_none
            of_a_whole_batch_fit
            wait_for_a_rival_who_is_about_to_commit
            wait_for_a_rival_who_rolls_back
            in_opposite_orders_never_wait_in_a_circle
            of_many_batches_each_event_is_won_once;
        unclaim:
            leaves_an_event_to_be_claimed_again
            has_a_rival_wait_until_the_unit_has_ended
            of_a_unit_that_is_rolled_back_leaves_nothing
            takes_nothing_back_that_the_handler_has_committed;
        race:
            of_many_at_once_one_wins
            a_waiter_is_told_what_the_first_committed
            a_waiter_takes_what_the_first_rolled_back
            a_dropped_session_frees_its_claim;
        guard:
            a_swallowed_error_leaves_all_or_nothing
            a_commit_notices_that_the_handler_ended_the_transaction
            a_rollback_notices_that_the_handler_ended_the_transaction
            a_victim_of_a_deadlock_is_not_committed
            a_victim_of_a_deadlock_can_be_rolled_back;
        commit:
            makes_claim_and_rows_visible_to_others
            of_a_duplicate_is_harmless
            leaves_the_session_as_good_as_new;
        rollback:
            leaves_no_row
            leaves_no_claim
            after_a_failed_statement_leaves_nothing
            leaves_the_session_as_good_as_new;
        rename:
            each_name_has_an_id_of_its_own
            an_id_is_for_ever
            claims_follow_a_renamed_consumer
            the_old_name_still_finds_them
            a_name_and_an_alias_in_use_are_refused
            many_at_once_agree;
        enrolled:
            names_come_in_their_order
            a_deployment_comes_back_as_it_was_noted;
        sweep:
            young_claims_stay
            old_claims_go_in_batches
            a_swept_event_is_fresh_again
            a_claim_stays_while_its_failure_is_recorded
            two_sweepers_delete_each_claim_once;
        outbox_write:
            keeps_every_byte
            of_many_events_keeps_their_order
            tells_keys_apart_that_a_collation_would_not
            that_fails_leaves_nothing
            waits_for_the_guard
            numbers_in_the_order_of_the_commits
            locks_lanes_in_one_order;
        outbox_lease:
            takes_a_lane_from_its_head
            that_has_run_out_is_free_again
            that_is_renewed_lasts
            that_another_has_is_not_renewed
            of_what_was_sent_is_none
            of_many_at_once_shares_no_lane
            is_never_given_to_two;
        outbox_settle:
            sent_is_true_whoever_holds_the_row
            nothing_else_counts_from_a_stale_holder
            a_refused_row_holds_its_lane_alone
            a_refused_row_comes_again_after_its_wait
            a_parked_row_waits_for_a_person
            a_row_given_up_frees_its_lane
            by_hand_is_for_refused_and_parked_rows
            a_survey_tells_how_old_the_oldest_is
            a_sweep_keeps_what_is_not_sent
            a_swept_outbox_counts_on;
        limits:
            an_abandoned_unit_is_ended
            an_idle_session_still_works
            a_session_rests_between_its_units
            a_session_answers_a_ping;
    }
    let two_processes = async || {
        let database = stage.database().await;
        let stores = [database.store().await, database.store().await];
        (database, stores)
    };
    failed.extend(effects::run(&two_processes).await);
    failed.extend(failures::run(&two_processes).await);
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}
