//! Pinned connections and the application's pool.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{Commit, FailureStorage, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::{Connection as _, mysql::MySqlStore};
use sqlx::{Executor, MySqlConnection, mysql::MySqlPoolOptions};
use tokio::time::timeout;

use super::{
    stage::{Database, write},
    start,
};
use crate::unit::{self, LIMITS, NOTHING, begin, claim};

/// Without autocommit, an application would lose every statement that it runs outside a transaction.
#[tokio::test]
async fn settings_of_a_session_never_reach_the_application() {
    let Some(database) = Database::create().await else { return };
    let pool = MySqlPoolOptions::new().max_connections(2).connect(database.url()).await.expect("a pool");
    let store = MySqlStore::from_pool(pool.clone());
    assert_eq!(store.capacity(), Some(1), "one connection is left for everything else");
    let consumer = unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let tx = begin(&store, &mut session, consumer, "1").await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    let last = pool.acquire().await.expect("the other connection");
    assert!(
        timeout(Duration::from_millis(200), pool.acquire()).await.is_err(),
        "a session counts in its pool"
    );
    drop(session);
    let mut conn = pool.acquire().await.expect("the session has made room");
    let (autocommit, level): (bool, String) = sqlx::query_as("SELECT @@autocommit, @@tx_isolation")
        .fetch_one(&mut *conn)
        .await
        .or_else(|_| Ok::<_, sqlx::Error>((true, "REPEATABLE-READ".to_owned())))
        .expect("settings");
    assert!(autocommit && level == "REPEATABLE-READ", "{autocommit} {level}");
    drop(last);
}

#[tokio::test]
async fn a_transaction_that_the_pool_was_left_with_is_not_continued() {
    let Some(database) = Database::create().await else { return };
    let pool = MySqlPoolOptions::new().max_connections(2).connect(database.url()).await.expect("a pool");
    let store = MySqlStore::from_pool(pool.clone());
    let consumer = unit::start(&store).await;
    let (mut one, mut other) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("another"));
    for conn in [&mut one, &mut other] {
        conn.execute("START TRANSACTION; INSERT INTO effects VALUES ('given up')").await.expect("a row");
    }
    drop((one, other));
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    write(MySqlConnection::lend(&mut tx), "ours").await.expect("a row");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    assert_eq!(database.written().await, ["ours"]);
}

/// Without autocommit a SELECT begins a transaction, which would keep the tables' definitions locked.
#[tokio::test]
async fn a_look_leaves_no_transaction_open() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let key = claim(consumer, "1").key;
    assert_eq!(store.find(&mut session, consumer, key).await.expect("a look"), None);
    unit::fail_one(&store, &mut session, consumer).await;
    assert_eq!(store.find_failure(&mut session, consumer, key).await.expect("a look"), None);
    let alter = "SET lock_wait_timeout = 2; ALTER TABLE processed_events ADD COLUMN later INT NULL; \
                 ALTER TABLE event_failures ADD COLUMN later INT NULL; ALTER TABLE message_runs ADD COLUMN later INT NULL";
    database.connect().await.execute(alter).await.expect("nothing holds the table");
    let tx = begin(&store, &mut session, consumer, "1").await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
}
