//! The sweeper of records and marks.

use std::time::Duration;

use futures_util::future::join;

use super::desk::{Desk, LONG, RUNG, SHORT};
use crate::{
    clock,
    failure::{RunnerId, Wanted},
    message::Reason,
    storage::{Storage, Swept},
    testing::storage::stage::in_time,
};

const DEAD: Wanted = Wanted::Dead(Reason::Permanent);

async fn sweep<S: Storage>(store: &S, retention: Duration, keep: Duration, batch: u32) -> Swept {
    let swept = in_time("a sweep", store.sweep_failures(retention, keep, batch)).await;
    swept.expect("whoever sweeps second deletes nothing, and does not fail")
}

/// Sweeps all at once, and says which of these events still have a record.
async fn left<S: Storage>(
    desk: &Desk<S>,
    retention: Duration,
    keep: Duration,
    events: &[&'static str],
) -> Vec<&'static str> {
    sweep(&desk.here, retention, keep, 100).await;
    let mut left = Vec::new();
    for event in events {
        if desk.find(event).await.is_some() {
            left.push(*event);
        }
    }
    left
}

pub(super) async fn takes_what_is_processed<S: Storage>(desk: &Desk<S>) {
    let events = ["delayed", "dead", "redriven", "waits"];
    desk.fail("delayed", RUNG).await;
    desk.fail("dead", DEAD).await;
    desk.fail("redriven", DEAD).await;
    desk.reset("redriven").await;
    desk.fail("waits", RUNG).await;
    for event in ["delayed", "dead", "redriven"] {
        desk.process(event).await;
    }
    assert_eq!(left(desk, LONG, LONG, &events).await, ["waits"], "what is processed has not failed");
}

pub(super) async fn leaves_what_is_processed_in_part<S: Storage>(desk: &Desk<S>) {
    let events = ["ended", "reused", "exhausted"];
    desk.fail("ended", Wanted::Dead(Reason::TransactionEnded)).await;
    desk.fail("reused", Wanted::Dead(Reason::IdReused)).await;
    desk.fail("exhausted", Wanted::Dead(Reason::AttemptsExhausted)).await;
    for event in events {
        desk.process(event).await;
    }
    let rule = "where the claim is part of the trouble, a person has to look at it";
    assert_eq!(left(desk, LONG, LONG, &events).await, ["ended", "reused"], "{rule}");
    clock::sleep(SHORT).await;
    assert_eq!(left(desk, SHORT / 2, LONG, &events).await, ["ended", "reused"], "{rule}");
    assert!(left(desk, SHORT / 2, SHORT / 2, &events).await.is_empty(), "but not for ever");
}

pub(super) async fn takes_old_ones_that_are_not_dead<S: Storage>(desk: &Desk<S>) {
    let events = ["delayed", "dead", "redriven"];
    desk.fail("delayed", RUNG).await;
    desk.fail("dead", DEAD).await;
    desk.fail("redriven", DEAD).await;
    desk.reset("redriven").await;
    clock::sleep(SHORT).await;
    let rule = "a copy that has not come back within the retention never will";
    assert_eq!(left(desk, SHORT / 2, LONG, &events).await, ["dead"], "{rule}");
}

pub(super) async fn keeps_the_dead_for_longer<S: Storage>(desk: &Desk<S>) {
    desk.fail("dead", DEAD).await;
    clock::sleep(SHORT).await;
    assert_eq!(left(desk, SHORT / 2, LONG, &["dead"]).await, ["dead"], "somebody may redrive it");
    assert!(left(desk, SHORT / 2, SHORT / 2, &["dead"]).await.is_empty(), "but not for ever");
    desk.fail("delayed", RUNG).await;
    clock::sleep(SHORT).await;
    assert!(left(desk, LONG, SHORT / 2, &["delayed"]).await.is_empty(), "that is for every one");
}

pub(super) async fn leaves_the_young<S: Storage>(desk: &Desk<S>) {
    let events = ["delayed", "dead", "redriven"];
    desk.fail("delayed", RUNG).await;
    desk.fail("dead", DEAD).await;
    desk.fail("redriven", DEAD).await;
    desk.reset("redriven").await;
    clock::sleep(SHORT).await;
    assert_eq!(left(desk, LONG, LONG, &events).await, events, "they are still needed");
}

/// Twelve records that are over: four are processed, four are old, and four are both.
async fn twelve<S: Storage>(desk: &Desk<S>) {
    for nth in 0..12 {
        let event = format!("over {nth}");
        desk.fail(&event, if nth < 4 { DEAD } else { RUNG }).await;
        if nth < 8 {
            desk.process(&event).await;
        }
    }
    desk.fail("stays", DEAD).await;
    clock::sleep(SHORT).await;
}

pub(super) async fn takes_batches<S: Storage>(desk: &Desk<S>) {
    twelve(desk).await;
    for records in [5, 5, 2, 0] {
        let swept = sweep(&desk.here, SHORT / 2, LONG, 5).await;
        assert_eq!(swept.rows, records, "a batch must not be larger than asked for, nor stop early");
        assert!(swept.more || records < 5, "a full batch must say that there may be more");
    }
    assert!(desk.find("stays").await.is_some());
}

pub(super) async fn by_two_at_once_counts_each_once<S: Storage>(desk: &Desk<S>) {
    twelve(desk).await;
    let mut total = 0;
    for _ in 0..40 {
        let (one, other) =
            join(sweep(&desk.here, SHORT / 2, LONG, 2), sweep(&desk.there, SHORT / 2, LONG, 2)).await;
        total += one.rows + other.rows;
    }
    assert_eq!(total, 12, "each record is deleted, and counted, once");
}

pub(super) async fn takes_old_marks_uncounted<S: Storage>(desk: &Desk<S>) {
    let runners = [RunnerId::random(), RunnerId::random()];
    desk.mark(desk.consumer, "old", runners[0]).await;
    let swept = sweep(&desk.here, LONG, LONG, 10).await;
    assert_eq!(swept, Swept::default());
    assert_eq!(desk.mark(desk.consumer, "old", runners[1]).await, 1, "a young mark stays");
    clock::sleep(SHORT).await;
    let swept = sweep(&desk.here, SHORT / 2, LONG, 10).await;
    assert_eq!(swept, Swept::default(), "marks are not counted");
    assert_eq!(desk.mark(desk.consumer, "old", runners[0]).await, 0, "an old mark is gone, with its deaths");
}
