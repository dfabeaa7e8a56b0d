//! What a sweep leaves to the application's pool.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{EffectStorage, FailureStorage, OutboxStorage, Swept},
    testing::SuiteStorage,
};
use consumer_sqlx::mysql::MySqlStore;
use sqlx::{Executor, MySqlConnection, MySqlPool, Row, mysql::MySqlPoolOptions};
use tokio::time::timeout;

use super::stage::Database;
use crate::{dropped, unit};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PATIENCE: Duration = Duration::from_secs(10);
const OLD: &str = "INSERT INTO processed_events (processed_at, consumer_id, event_key, stamp) \
                   VALUES (UTC_TIMESTAMP(6) - INTERVAL 2 DAY, 1, UNHEX(REPLACE(UUID(), '-', '')), '')";
const ONE: Swept = Swept { rows: 1, more: false };

/// A store on a pool of one connection.
async fn start() -> Option<(Database, MySqlPool, MySqlStore)> {
    let database = Database::create().await?;
    let pool = MySqlPoolOptions::new().max_connections(1).connect(database.url()).await.expect("a pool");
    let store = MySqlStore::from_pool(pool.clone());
    unit::start(&store).await;
    Some((database, pool, store))
}

/// Which connection the pool has, which must be in no transaction and as the application knows it.
async fn pooled(pool: &MySqlPool) -> u64 {
    let mut conn = pool.acquire().await.expect("a connection");
    // Each server has a name of its own for it.
    let level = "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')";
    let settings = conn.fetch_all(level).await.expect("settings");
    assert!(!settings.is_empty());
    for row in settings {
        assert_eq!(row.get::<String, _>(1), "REPEATABLE-READ");
    }
    // Fails in a transaction.
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.expect("no transaction");
    sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *conn).await.expect("its id")
}

/// Waits until a query tells `true`.
async fn until(admin: &mut MySqlConnection, condition: &'static str, id: u64) {
    let holds = async {
        loop {
            let answer = sqlx::query_scalar(condition).bind(id).fetch_one(&mut *admin).await;
            if answer.expect("an answer") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, holds).await.expect(condition);
}

const DELETES: &str = "SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST \
                       WHERE ID = ? AND INFO LIKE '%DELETE FROM processed_events%' AND TIME >= 0";
const IS_GONE: &str = "SELECT COUNT(*) = 0 FROM information_schema.PROCESSLIST WHERE ID = ?";

#[tokio::test]
async fn sweeps_give_their_connection_back() {
    let Some((_database, pool, store)) = start().await else { return };
    let id = pooled(&pool).await;
    for _ in 0..2 {
        pool.execute(OLD).await.expect("a claim");
        assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE);
        assert_eq!(pooled(&pool).await, id);
        store.sweep_outbox(DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, id);
        store.sweep_effects(DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, id);
        store.sweep_failures(DAY, DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, id);
    }
}

#[tokio::test]
async fn a_sweep_that_is_dropped_while_it_waits_is_over_for_the_pool() {
    let Some((database, pool, store)) = start().await else { return };
    let (mut admin, mut rival) = (database.connect().await, database.connect().await);
    admin.execute(OLD).await.expect("a claim");
    rival.execute("START TRANSACTION; SELECT * FROM processed_events FOR UPDATE").await.expect("a lock");
    let id = pooled(&pool).await;
    let (sweeping, other) = (store.clone(), database.store().await);
    let sweep = tokio::spawn(async move { sweeping.sweep(DAY, 10).await.map(drop) });
    until(&mut admin, DELETES, id).await;
    assert_eq!(other.sweep(DAY, 10).await.expect("a sweep"), Swept::default(), "another process sweeps");
    pooled(other.pool()).await;
    sweep.abort();
    assert!(sweep.await.is_err_and(|end| end.is_cancelled()));
    let next = timeout(PATIENCE, pooled(&pool)).await.expect("the pool waits for nobody");
    assert_ne!(next, id);
    rival.execute("ROLLBACK").await.expect("the end of the lock");
    until(&mut admin, IS_GONE, id).await;
    assert_eq!(other.sweep(DAY, 10).await.expect("a sweep"), ONE, "nothing was committed, nothing is locked");
}

#[tokio::test]
async fn a_sweep_that_fails_closes_its_connection() {
    let Some((_database, pool, store)) = start().await else { return };
    let id = pooled(&pool).await;
    pool.execute("DROP TABLE processed_events").await.expect("no table");
    store.sweep(DAY, 10).await.expect_err("no table");
    assert_ne!(pooled(&pool).await, id);
}

#[tokio::test]
async fn a_sweep_that_is_dropped_anywhere_leaves_nothing_open() {
    let Some((database, pool, store)) = start().await else { return };
    let mut admin = database.connect().await;
    for polls in 0.. {
        admin.execute(OLD).await.expect("a claim");
        let id = pooled(&pool).await;
        let swept = dropped::after(polls, store.sweep(DAY, 1_000)).await;
        if pooled(&pool).await != id {
            until(&mut admin, IS_GONE, id).await;
        }
        if let Some(swept) = swept {
            assert!(polls > 2, "it was dropped in its midst: {polls}");
            assert_ne!(swept.expect("a sweep"), Swept::default(), "nobody holds the lock");
            return;
        }
    }
}

/// The sweep must not commit what somebody else has given up.
#[tokio::test]
async fn a_transaction_that_the_pool_was_left_with_is_not_continued() {
    let Some((database, pool, store)) = start().await else { return };
    pool.execute(OLD).await.expect("a claim");
    let mut conn = pool.acquire().await.expect("a connection");
    conn.execute("START TRANSACTION; INSERT INTO effects VALUES ('given up')").await.expect("a row");
    drop(conn);
    assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE);
    assert!(database.written().await.is_empty());
}
