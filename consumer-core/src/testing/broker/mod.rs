//! The contract of a broker as tests that every implementation must pass.

mod cancel;
mod consume;
mod dead_letter;
mod depth;
mod examine;
mod prepare;
mod publish;
mod settle;
mod stage;
mod wait;

use std::future::Future;

use self::stage::Stage;
use crate::broker::Broker;

/// Runs every case of the contract of [`Broker`] against an implementation.
///
/// `connect` opens a new connection to one and the same server each time it is called. A case declares queues of its own,
/// whose names start with `broker-suite-`; nothing deletes them, so give it a server that can be thrown away.
///
/// ```
/// use consumer_core::{memory::MemoryBroker, testing::broker_suite};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = MemoryBroker::new();
/// broker_suite(|| {
///     let connection = server.connect();
///     async { connection }
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
/// After the last case, naming all those that failed. `broker::settle::requeued_comes_first_again` is in
/// `testing/broker/settle.rs`.
pub async fn broker_suite<B, F>(connect: impl Fn() -> F)
where
    B: Broker,
    F: Future<Output = B> + 'static,
{
    let stage = Stage::new(&connect);
    let mut failed = Vec::new();
    macro_rules! run {
        ($($verb:ident: $($case:ident)*;)*) => { $($(
            let name = concat!("broker::", stringify!($verb), "::", stringify!($case));
            failed.extend(stage::run(name, $verb::$case(&stage)).await);
        )*)* };
    }
    run! {
        prepare:
            declaring_twice_changes_nothing
            names_the_argument_that_differs
            names_the_exchange_that_is_missing
            check_names_what_is_missing
            check_passes_what_was_declared
            leave_looks_at_nothing;
        publish:
            arrives_unchanged
            is_persistent
            keeps_its_order
            to_no_queue_is_unroutable
            with_an_unbound_key_is_unroutable
            is_routed_by_topic
            with_too_long_a_key_is_unpublishable
            many_at_once_are_told_each_its_own;
        consume:
            no_more_than_prefetch_are_unsettled
            competing_consumers_share
            a_dropped_next_loses_nothing
            a_dropped_subscription_gives_back_what_was_prefetched
            a_missing_queue_is_reported;
        settle:
            the_first_delivery_is_not_redelivered
            acked_never_comes_again
            acks_in_any_order_are_final
            requeued_comes_first_again
            requeued_is_redelivered
            a_second_settlement_is_refused
            several_are_settled_at_once_and_answered_once
            several_that_reach_nobody_are_all_counted
            unsettled_comes_again_after_close
            nothing_reaches_a_closed_channel
            a_classic_queue_counts_no_deliveries;
        cancel:
            prefetched_still_come_and_can_be_settled
            ends_once_and_for_all
            leaves_the_queue_to_others;
        dead_letter:
            a_message_that_kills_its_consumer_ends_as_dead_letter
            a_dead_letter_is_the_same_message;
        wait:
            comes_back_to_its_queue_after_its_delay
            comes_back_as_it_left
            a_copy_of_a_copy_still_knows_the_first
            many_come_back_in_order
            a_lower_expiration_comes_back_earlier
            a_higher_expiration_does_not_come_back_later
            an_expiration_behind_a_longer_one_waits_for_it
            each_delay_has_its_own_queue
            names_the_wait_queue_that_differs
            check_names_the_wait_queue_that_is_missing;
        depth:
            counts_what_nobody_holds
            of_no_queue_is_none;
        examine:
            refuses_nothing_that_was_declared
            declares_nothing
            names_all_that_is_missing_at_once
            names_every_argument_that_differs;
    }
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}
