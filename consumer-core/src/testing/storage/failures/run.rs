//! The marks of messages that are run after they were delivered before.

use futures_util::future::{join, join_all};

use super::desk::{Desk, key};
use crate::{failure::RunnerId, storage::Storage, testing::storage::stage::in_time};

pub(super) async fn of_the_same_runner_is_no_death<S: Storage>(desk: &Desk<S>) {
    let runner = RunnerId::random();
    for _ in 0..3 {
        let deaths = desk.mark(desk.consumer, "1", runner).await;
        assert_eq!(deaths, 0, "whoever finds its own mark is alive");
    }
}

pub(super) async fn after_another_runner_is_a_death<S: Storage>(desk: &Desk<S>) {
    for deaths in 0..4 {
        let runner = RunnerId::random();
        let counted = desk.mark(desk.consumer, "1", runner).await;
        assert_eq!(counted, deaths, "a mark that its runner has not taken away is a death");
        let again = desk.mark(desk.consumer, "1", runner).await;
        assert_eq!(again, deaths, "it is counted once");
    }
}

pub(super) async fn of_nobody_is_no_death_and_keeps_those_before<S: Storage>(desk: &Desk<S>) {
    let mark = async |runner| desk.mark(desk.consumer, "1", runner).await;
    mark(RunnerId::random()).await;
    assert_eq!(mark(RunnerId::random()).await, 1);
    assert_eq!(mark(RunnerId::NOBODY).await, 1, "nobody has found a mark");
    assert_eq!(mark(RunnerId::random()).await, 1, "nobody has died");
    assert_eq!(mark(RunnerId::random()).await, 2);
}

pub(super) async fn with_a_death_is_nobodys_until_it_is_alone<S: Storage>(desk: &Desk<S>) {
    let look = async || desk.mark_among_others("1", RunnerId::random()).await;
    assert_eq!(look().await, 0, "nobody has died");
    for _ in 0..3 {
        assert_eq!(look().await, 1, "who dies while it waits to be run alone does not die of it");
    }
    let alone = RunnerId::random();
    assert_eq!(desk.mark(desk.consumer, "1", alone).await, 1);
    assert_eq!(look().await, 2, "who dies while it is run alone dies of it");
    assert_eq!(look().await, 2);
}

pub(super) async fn that_is_cleared_is_forgotten<S: Storage>(desk: &Desk<S>) {
    desk.clear("1").await;
    desk.mark(desk.consumer, "1", RunnerId::random()).await;
    desk.mark(desk.consumer, "1", RunnerId::random()).await;
    desk.clear("1").await;
    let deaths = desk.mark(desk.consumer, "1", RunnerId::random()).await;
    assert_eq!(deaths, 0, "somebody has run it and lives to tell");
}

pub(super) async fn of_many_at_once_counts_each_runner<S: Storage>(desk: &Desk<S>) {
    const RIVALS: u32 = 6;
    let mut here = join_all((0..RIVALS).map(|_| Desk::open(&desk.here))).await;
    let mut there = join_all((0..RIVALS).map(|_| Desk::open(&desk.there))).await;
    for message in ["1", "2", "3"] {
        let one = |session| mark(&desk.here, session, desk, message);
        let other = |session| mark(&desk.there, session, desk, message);
        let (told, others) =
            join(join_all(here.iter_mut().map(one)), join_all(there.iter_mut().map(other))).await;
        let mut deaths: Vec<u32> = told.into_iter().chain(others).collect();
        deaths.sort_unstable();
        let expected: Vec<u32> = (0..2 * RIVALS).collect();
        assert_eq!(deaths, expected, "each runner finds the mark of the one before");
    }
}

async fn mark<S: Storage>(store: &S, session: &mut S::Session, desk: &Desk<S>, message: &str) -> u32 {
    let marked = store.mark_run(session, desk.consumer, key(message), RunnerId::random(), true);
    in_time("a mark", marked).await.expect("a message can be marked, whoever marks it at the same time")
}

pub(super) async fn tells_consumers_and_messages_apart<S: Storage>(desk: &Desk<S>) {
    for (consumer, message) in [(desk.consumer, "1"), (desk.consumer, "2"), (desk.other, "1")] {
        let deaths = desk.mark(consumer, message, RunnerId::random()).await;
        assert_eq!(deaths, 0, "nobody has died of it");
    }
    desk.clear("1").await;
    assert_eq!(desk.mark(desk.consumer, "1", RunnerId::random()).await, 0);
    assert_eq!(desk.mark(desk.consumer, "2", RunnerId::random()).await, 1, "it was not cleared");
    assert_eq!(desk.mark(desk.other, "1", RunnerId::random()).await, 1, "nor was that of another consumer");
}
