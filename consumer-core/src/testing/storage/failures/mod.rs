//! The failure records.

mod desk;
mod record;
mod reset;
mod run;
mod session;
mod survey;
mod sweep;

use std::future::Future;

use futures_util::{FutureExt, future::LocalBoxFuture};

use self::desk::Desk;
use super::stage;
use crate::storage::Storage;

/// Runs every case about the failure records against a storage; [`storage_suite`](super::storage_suite) does, too.
///
/// `fresh` opens two stores on one empty database, as two processes would, each time it is called.
///
/// # Panics
/// After the last case, naming all those that failed and the rules they broke.
pub async fn failure_suite<S, F>(fresh: impl Fn() -> F)
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
                concat!("storage::failures::", stringify!($verb), "::", stringify!($case)),
                |desk| $verb::$case(desk).boxed_local(),
            ),
        )*)*] };
    }
    cases! {
        record:
            climbs_the_ladder_and_dies_after_its_last_rung
            of_a_permanent_failure_is_dead_at_once
            by_many_at_once_is_counted_for_each
            keeps_a_wait_that_counts_down
            tells_when_it_failed_first_and_last
            keeps_every_reason_and_every_class
            keeps_texts_of_any_kind_within_limits
            keeps_what_was_known_of_the_event
            tells_consumers_and_events_apart;
        reset:
            begins_a_new_generation
            climbs_the_ladder_anew
            of_an_event_that_never_failed_is_refused
            by_hand_is_forgotten;
        survey:
            tells_what_is_where
            of_an_empty_table_is_empty;
        sweep:
            takes_what_is_processed
            leaves_what_is_processed_in_part
            takes_old_ones_that_are_not_dead
            keeps_the_dead_for_longer
            leaves_the_young
            takes_batches
            by_two_at_once_counts_each_once
            takes_old_marks_uncounted;
        run:
            of_the_same_runner_is_no_death
            after_another_runner_is_a_death
            of_nobody_is_no_death_and_keeps_those_before
            with_a_death_is_nobodys_until_it_is_alone
            that_is_cleared_is_forgotten
            of_many_at_once_counts_each_runner
            tells_consumers_and_messages_apart;
        session:
            is_as_good_as_new_after_each;
    }
}
