//! The tables.

use futures_util::future::join_all;

use super::{
    SuiteStorage,
    stage::{in_time, process},
};
use crate::storage::Storage;

pub(super) async fn twice_changes_nothing<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.process("1").await;
    process.store.prepare().await.expect("tables that are there can be prepared again");
    assert!(process.is_claimed("1").await, "preparing again must not touch a claim");
}

pub(super) async fn by_many_at_once_works<S: SuiteStorage>(database: &S) {
    let stores = join_all((0..6).map(|_| database.store())).await;
    let prepared = in_time("the tables", join_all(stores.iter().map(Storage::prepare))).await;
    for outcome in prepared {
        outcome.expect("processes that start at once must not disturb each other");
    }
    process(database).await.process("1").await;
}
