//! Time, which no server watches.

use std::time::{Duration, Instant};

use consumer_core::{
    Class, Storage,
    storage::{Commit, Extent, Sessions, UnitLimits},
    testing::SuiteStorage,
};
use consumer_sqlx::Connection as _;
use sqlx::{Executor, SqliteConnection};

use super::start;
use crate::unit::{LIMITS, NOTHING, begin, class};

const SHORT: UnitLimits =
    UnitLimits { handler: Duration::from_millis(300), grace: Duration::from_millis(200) };

/// Counts for some minutes.
const ENDLESS: &str = "INSERT INTO effects WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                       WHERE i < 10000000000) SELECT max(i) FROM n";

#[tokio::test]
async fn a_statement_does_not_outlive_its_handler_by_much() {
    let (database, store, consumer) = start().await;
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let error = SqliteConnection::lend(&mut tx).execute(ENDLESS).await.expect_err("a limit");
    assert_eq!(class(&store, &error.into()), Some(Class::TimeLimit));
    store.roll_back(tx).await;
    assert_eq!(database.written().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_handler_that_is_cut_off_is_interrupted() {
    let (_database, store, consumer) = start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let cut_off =
        tokio::time::timeout(Duration::from_millis(100), SqliteConnection::lend(&mut tx).execute(ENDLESS));
    assert!(cut_off.await.is_err());
    drop(tx);
    drop(session);
    let started = Instant::now();
    let mut session = store.open(LIMITS).await.expect("a session");
    let tx = begin(&store, &mut session, consumer, "1").await;
    assert!(started.elapsed() < Duration::from_secs(4), "the next unit must not wait for it to the end");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
}

#[tokio::test]
async fn another_process_that_writes_for_too_long_is_a_conflict() {
    let (database, store, _) = start().await;
    let mut other = database.connect().await;
    other.execute("BEGIN IMMEDIATE").await.expect("the write lock");
    let mut session = store.open(LIMITS).await.expect("a session");
    let error = store.begin(&mut session, Extent::One).await.err().expect("the lock is held");
    assert_eq!(class(&store, &error), Some(Class::Conflict), "{error}");
}
