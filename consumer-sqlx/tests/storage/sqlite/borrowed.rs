//! What a sweep leaves to the application's pool.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{EffectStorage, FailureStorage, OutboxStorage, Sessions, Swept},
};
use consumer_sqlx::sqlite::SqliteStore;
use sqlx::{Executor, SqlitePool, sqlite::SqlitePoolOptions};
use tokio::time::timeout;

use super::stage::Database;
use crate::{
    dropped,
    unit::{self, LIMITS},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OLD: &str = "INSERT INTO processed_events (processed_at_ms, consumer_id, event_key, stamp) \
                   VALUES (1000, 1, randomblob(16), x'00')";
const ONE: Swept = Swept { rows: 1, more: false };
/// What the application has set, on its one connection.
const SETTINGS: &str =
    "PRAGMA busy_timeout = 1234; PRAGMA synchronous = NORMAL; CREATE TEMP TABLE mine (n INTEGER)";

/// A store on a pool of one connection, which is the application's.
async fn start() -> (Database, SqlitePool, SqliteStore) {
    let database = Database::create();
    let url = format!("{}?mode=rwc", database.url());
    let pool = SqlitePoolOptions::new().max_connections(1).connect(&url).await.expect("a pool");
    let store = SqliteStore::from_pool(pool.clone());
    unit::start(&store).await;
    // With what a worker has set, which goes with its connection.
    drop(store.open(LIMITS).await.expect("a session"));
    pool.execute(SETTINGS).await.expect("settings");
    (database, pool, store)
}

/// Asserts that the pool has its connection, in no transaction and as the application knows it.
async fn assert_intact(pool: &SqlitePool) {
    let mut conn = pool.acquire().await.expect("a connection");
    let settings = "SELECT timeout, synchronous, (SELECT count(*) FROM temp.mine) \
                    FROM pragma_busy_timeout, pragma_synchronous";
    let settings: (i64, i64, i64) = sqlx::query_as(settings).fetch_one(&mut *conn).await.expect("settings");
    assert_eq!(settings, (1234, 1, 0));
    drop(conn);
    assert_free(pool).await;
}

/// Asserts that whatever connection the pool has is in no transaction.
async fn assert_free(pool: &SqlitePool) {
    pool.execute("BEGIN IMMEDIATE; ROLLBACK").await.expect("no transaction");
}

#[tokio::test]
async fn sweeps_give_their_connection_back() {
    let (_database, pool, store) = start().await;
    for _ in 0..2 {
        pool.execute(OLD).await.expect("a claim");
        assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE);
        assert_intact(&pool).await;
        store.sweep_outbox(DAY, 10).await.expect("a sweep");
        assert_intact(&pool).await;
        store.sweep_effects(DAY, 10).await.expect("a sweep");
        assert_intact(&pool).await;
        store.sweep_failures(DAY, DAY, 10).await.expect("a sweep");
        assert_intact(&pool).await;
    }
}

#[tokio::test]
async fn a_sweep_that_is_dropped_while_it_waits_holds_no_lock_later() {
    let (database, pool, store) = start().await;
    pool.execute(OLD).await.expect("a claim");
    let mut rival = database.connect().await;
    rival.execute("BEGIN IMMEDIATE").await.expect("the lock");
    timeout(Duration::from_millis(100), store.sweep(DAY, 10)).await.expect_err("the lock is taken");
    rival.execute("ROLLBACK").await.expect("the end of the lock");
    assert_intact(&pool).await;
    rival.execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK").await.expect("nothing is locked");
    assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE, "nothing was committed");
}

#[tokio::test]
async fn a_sweep_that_is_dropped_anywhere_leaves_nothing_open() {
    let (_database, pool, store) = start().await;
    for polls in 0.. {
        pool.execute(OLD).await.expect("a claim");
        let swept = dropped::after(polls, store.sweep(DAY, 1_000)).await;
        // Not intact: sqlx itself closes a connection that it was about to lend.
        assert_free(&pool).await;
        if let Some(swept) = swept {
            assert!(polls > 1, "it was dropped in its midst: {polls}");
            assert_ne!(swept.expect("a sweep"), Swept::default());
            return;
        }
    }
}
