//! The effect ledger.

mod desk;
mod finish;
mod lease;
mod people;
mod start;
mod undo;

use std::future::Future;

use futures_util::{FutureExt, future::LocalBoxFuture};

use self::desk::Desk;
use super::stage;
use crate::storage::Storage;

/// Runs every case about the effect ledger against a storage; [`storage_suite`](super::storage_suite) does, too.
///
/// `fresh` opens two stores on one empty database, as two processes would, each time it is called.
///
/// # Panics
/// After the last case, naming all those that failed and the rules they broke.
pub async fn effect_suite<S, F>(fresh: impl Fn() -> F)
where
    S: Storage,
    F: Future<Output = [S; 2]>,
{
    let failed = run(async || ((), fresh().await)).await;
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}

/// The same, and says which failed. The first of what `fresh` makes is kept while a case runs.
pub(super) async fn run<K, S: Storage>(fresh: impl AsyncFn() -> (K, [S; 2])) -> Vec<String> {
    let mut failed = Vec::new();
    for (name, case) in cases() {
        let case = async {
            let (_kept, stores) = fresh().await;
            case(&Desk::new(stores).await).await;
        };
        failed.extend(stage::run(name, case).await);
    }
    failed
}

/// A case, in a future of its own: all of them together are too large for the stack of a test.
type Case<S> = for<'a> fn(&'a Desk<S>) -> LocalBoxFuture<'a, ()>;

fn cases<S: Storage>() -> Vec<(&'static str, Case<S>)> {
    macro_rules! cases {
        ($($verb:ident: $($case:ident)*;)*) => { vec![$($(
            (
                concat!("storage::effects::", stringify!($verb), "::", stringify!($case)),
                |desk| $verb::$case(desk).boxed_local(),
            ),
        )*)*] };
    }
    cases! {
        start:
            of_many_at_once_one_calls
            of_one_that_is_done_replays_its_result
            of_another_body_under_its_id_is_refused
            of_one_that_is_held_is_busy_until_its_lease_ends
            of_one_whose_holder_vanished_is_a_doubt
            of_many_at_once_one_takes_over
            waits_for_its_time
            keeps_the_first_key_and_the_first_bytes
            tells_how_old_the_first_call_is;
        finish:
            is_accepted_after_the_lease_if_nobody_started_anew
            is_evidence_if_somebody_did
            told_twice_is_written_once
            sends_away_what_it_says
            too_late_sends_nothing_away
            counts_calls_and_says_whether_there_is_a_doubt
            of_a_call_that_was_not_made_leaves_no_trace
            takes_texts_of_any_kind
            renewed_keeps_others_out
            renewed_too_late_is_refused;
        undo:
            happens_once
            waits_for_a_unit_that_keeps_the_effect
            compensated_is_kept_by_nobody;
        lease:
            takes_what_a_unit_has_scheduled
            takes_nothing_from_a_unit_that_was_rolled_back
            takes_only_its_names_and_its_moment
            takes_the_most_overdue_first
            gives_no_row_to_two
            takes_over_what_a_holder_left
            leaves_what_is_written_already
            takes_what_was_to_be_called_before;
        people:
            resolve_what_failed_or_is_unknown
            settle_what_was_not_done
            release_with_the_same_key
            leave_what_is_being_called
            take_over_from_a_caller_that_has_vanished
            see_the_effects_of_an_event
            see_what_waits_for_them
            sweep_what_is_done;
    }
}
