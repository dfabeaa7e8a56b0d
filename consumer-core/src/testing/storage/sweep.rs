//! The sweeper.

use std::time::Duration;

use futures_util::future::join;

use super::{
    SuiteStorage,
    stage::{a_moment, enroll, process},
};
use crate::{
    classify::Class,
    failure::{News, Wanted},
    message::Reason,
    storage::{FailureStorage, Storage, Swept},
};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);

pub(super) async fn young_claims_stay<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.process("1").await;
    let swept = process.store.sweep(LONG, 100).await.expect("claims can be swept");
    assert_eq!(swept, Swept { rows: 0, more: false }, "a claim must stay while its event can come again");
    assert!(process.is_claimed("1").await);
}

pub(super) async fn old_claims_go_in_batches<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for id in ["1", "2", "3", "4", "5"] {
        process.process(id).await;
    }
    a_moment().await;
    for claims in [2, 2, 1, 0] {
        let swept = process.store.sweep(SHORT, 2).await.expect("claims can be swept");
        assert_eq!(swept.rows, claims, "a batch must not be larger than asked for, nor stop early");
        assert!(swept.more || claims < 2, "a full batch must say that there may be more");
    }
}

pub(super) async fn a_swept_event_is_fresh_again<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.process("1").await;
    a_moment().await;
    process.store.sweep(SHORT, 100).await.expect("claims can be swept");
    process.process("1").await;
    assert_eq!(process.written("1").await, 2, "nothing but the claim remembers an event");
}

pub(super) async fn a_claim_stays_while_its_failure_is_recorded<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let ids = ["1", "2", "3", "4", "5"];
    for id in ids {
        process.process(id).await;
    }
    let (failed, other) = (process.claim_of("2").key, enroll(&process.store, "other", &[]).await);
    let mut session = process.open().await;
    for (consumer, key) in [(process.consumer, failed), (other, process.claim_of("3").key)] {
        let counted = process.store.record_failure(&mut session, consumer, key, &in_part()).await;
        counted.expect("a failure can be counted");
    }
    a_moment().await;
    for claims in [3, 1, 0] {
        let swept = process.store.sweep(SHORT, 3).await.expect("claims can be swept");
        assert_eq!(swept, Swept { rows: claims, more: claims == 3 }, "a claim that stays takes no place");
    }
    for id in ids {
        assert_eq!(
            process.is_claimed(id).await,
            id == "2",
            "a redriven copy must still be a duplicate: {id}"
        );
    }
    assert!(process.store.resolve_failure(&mut session, process.consumer, failed).await.expect("an end"));
    let swept = process.store.sweep(SHORT, 3).await.expect("claims can be swept");
    assert_eq!(swept.rows, 1, "once nobody needs it any more, it goes");
}

/// A failure after which the claim is part of the trouble.
fn in_part() -> News<'static> {
    News {
        attempts: 1,
        class: Class::Permanent,
        error: "the handler has committed",
        wanted: Wanted::Dead(Reason::TransactionEnded),
        event_id: "2",
        event_type: "payment.captured",
    }
}

pub(super) async fn two_sweepers_delete_each_claim_once<S: SuiteStorage>(database: &S) {
    let (one, other) = (process(database).await, process(database).await);
    for id in 0..20 {
        one.process(&id.to_string()).await;
    }
    a_moment().await;
    let (mut total, mut rounds) = (0, 0);
    while total < 20 && rounds < 40 {
        rounds += 1;
        let (here, there) = join(one.store.sweep(SHORT, 3), other.store.sweep(SHORT, 3)).await;
        for swept in [here, there] {
            total += swept.expect("whoever sweeps second deletes nothing, and does not fail").rows;
        }
    }
    assert_eq!(total, 20, "each claim is deleted, and counted, once");
}
