//! The names of consumers.

use futures_util::future::join_all;

use super::{
    SuiteStorage,
    stage::{Process, enroll, in_time, process},
};
use crate::storage::{ConsumerName, Storage};

pub(super) async fn each_name_has_an_id_of_its_own<S: SuiteStorage>(database: &S) {
    let store = process(database).await.store;
    let names = ["a", "A", "a ", "ä", "b"].map(|name| ConsumerName { name, aliases: &[] });
    let mut ids = store.enroll(&names).await.expect("consumers can be enrolled");
    assert_eq!(ids.len(), names.len(), "each consumer asked for gets an id");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), names.len(), "names that a collation would call equal are different consumers");
}

pub(super) async fn an_id_is_for_ever<S: SuiteStorage>(database: &S) {
    let (one, other) = (process(database).await.store, process(database).await.store);
    let ids = [enroll(&one, "a", &[]).await, enroll(&one, "b", &[]).await];
    let again = [ConsumerName { name: "b", aliases: &[] }, ConsumerName { name: "a", aliases: &[] }];
    let again = other.enroll(&again).await.expect("consumers can be enrolled again");
    assert_eq!(again, [ids[1], ids[0]], "an id belongs to its name, and comes in the order asked for");
}

pub(super) async fn claims_follow_a_renamed_consumer<S: SuiteStorage>(database: &S) {
    let old = process(database).await;
    old.process("1").await;
    let consumer = enroll(&old.store, "renamed", &["suite"]).await;
    let new = Process { database, store: database.store().await, consumer };
    assert!(new.is_claimed("1").await, "what a consumer has processed under its old name, it has processed");
}

pub(super) async fn the_old_name_still_finds_them<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let renamed = enroll(&process.store, "renamed", &["suite"]).await;
    let old = enroll(&process.store, "suite", &[]).await;
    assert_eq!(renamed, old, "a process of the old version that starts once more must find the same claims");
    let early = enroll(&process.store, "new", &["never seen"]).await;
    assert_eq!(
        early,
        enroll(&process.store, "never seen", &[]).await,
        "so must one that starts after the new version"
    );
}

pub(super) async fn a_name_and_an_alias_in_use_are_refused<S: SuiteStorage>(database: &S) {
    let store = process(database).await.store;
    enroll(&store, "a", &[]).await;
    enroll(&store, "b", &[]).await;
    let both = store.enroll(&[ConsumerName { name: "a", aliases: &["b"] }]).await;
    let error = both.expect_err("two consumers with claims of their own cannot become one");
    assert!(error.is_wiring(), "it is the application that has to change: {error}");
    let twice = [ConsumerName { name: "c", aliases: &["d"] }, ConsumerName { name: "d", aliases: &[] }];
    let error = store.enroll(&twice).await.expect_err("one consumer cannot become two");
    assert!(error.is_wiring(), "it is the application that has to change: {error}");
}

pub(super) async fn many_at_once_agree<S: SuiteStorage>(database: &S) {
    process(database).await;
    let stores = join_all((0..6).map(|_| database.store())).await;
    let ids = in_time("the ids", join_all(stores.iter().map(|store| enroll(store, "new", &["old"])))).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "processes that start at once must get the same id: {ids:?}");
}
