//! What a sweep leaves to the application's pool.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{EffectStorage, FailureStorage, OutboxStorage, Swept},
    testing::SuiteStorage,
};
use consumer_sqlx::postgres::PgStore;
use sqlx::{Executor, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::time::timeout;

use super::stage::Database;
use crate::{dropped, unit};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PATIENCE: Duration = Duration::from_secs(10);
const OLD: &str = "INSERT INTO processed_events VALUES (now() - interval '2 days', 1, gen_random_uuid(), '')";
const ONE: Swept = Swept { rows: 1, more: false };

/// A store on a pool of one connection.
async fn start() -> Option<(Database, PgPool, PgStore)> {
    let database = Database::create().await?;
    let pool = PgPoolOptions::new().max_connections(1).connect(database.url()).await.expect("a pool");
    let store = PgStore::from_pool(pool.clone());
    unit::start(&store).await;
    Some((database, pool, store))
}

/// Which connection the pool has, which must be in no transaction and as the application knows it.
async fn pooled(pool: &PgPool) -> i32 {
    let mut conn = pool.acquire().await.expect("a connection");
    let state = "SELECT pg_backend_pid(), now() = statement_timestamp(), current_setting('plan_cache_mode'), \
                     (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')";
    let row = conn.fetch_one(state).await.expect("its state");
    let (pid, is_alone, plans, locks): (i32, bool, String, i64) =
        sqlx::FromRow::from_row(&row).expect("its state");
    assert_eq!((is_alone, plans.as_str(), locks), (true, "auto", 0));
    pid
}

/// Waits until a query tells `true`.
async fn until(admin: &mut PgConnection, condition: &'static str, pid: i32) {
    let holds = async {
        loop {
            let answer = sqlx::query_scalar(condition).bind(pid).fetch_one(&mut *admin).await;
            if answer.expect("an answer") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, holds).await.expect(condition);
}

const WAITS: &str =
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock')";
const IS_GONE: &str = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)";

#[tokio::test]
async fn sweeps_give_their_connection_back() {
    let Some((_database, pool, store)) = start().await else { return };
    let pid = pooled(&pool).await;
    for _ in 0..2 {
        pool.execute(OLD).await.expect("a claim");
        assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE);
        assert_eq!(pooled(&pool).await, pid);
        store.sweep_outbox(DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, pid);
        store.sweep_effects(DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, pid);
        store.sweep_failures(DAY, DAY, 10).await.expect("a sweep");
        assert_eq!(pooled(&pool).await, pid);
    }
}

#[tokio::test]
async fn a_sweep_that_is_dropped_while_it_waits_is_over_for_the_pool() {
    let Some((database, pool, store)) = start().await else { return };
    let (mut admin, mut rival) = (database.connect().await, database.connect().await);
    admin.execute(OLD).await.expect("a claim");
    rival.execute("BEGIN; SELECT FROM processed_events FOR UPDATE").await.expect("a lock");
    let pid = pooled(&pool).await;
    let (sweeping, other) = (store.clone(), database.store().await);
    let sweep = tokio::spawn(async move { sweeping.sweep(DAY, 10).await.map(drop) });
    until(&mut admin, WAITS, pid).await;
    assert_eq!(other.sweep(DAY, 10).await.expect("a sweep"), Swept::default(), "another process sweeps");
    pooled(other.pool()).await;
    sweep.abort();
    assert!(sweep.await.is_err_and(|end| end.is_cancelled()));
    let next = timeout(PATIENCE, pooled(&pool)).await.expect("the pool waits for nobody");
    assert_ne!(next, pid);
    rival.execute("ROLLBACK").await.expect("the end of the lock");
    until(&mut admin, IS_GONE, pid).await;
    assert_eq!(other.sweep(DAY, 10).await.expect("a sweep"), ONE, "nothing was committed, nothing is locked");
}

#[tokio::test]
async fn a_sweep_that_fails_closes_its_connection() {
    let Some((_database, pool, store)) = start().await else { return };
    let pid = pooled(&pool).await;
    pool.execute("DROP TABLE processed_events CASCADE").await.expect("no table");
    store.sweep(DAY, 10).await.expect_err("no table");
    assert_ne!(pooled(&pool).await, pid);
}

#[tokio::test]
async fn a_sweep_that_is_dropped_anywhere_leaves_nothing_open() {
    let Some((database, pool, store)) = start().await else { return };
    let mut admin = database.connect().await;
    for polls in 0.. {
        admin.execute(OLD).await.expect("a claim");
        let pid = pooled(&pool).await;
        let swept = dropped::after(polls, store.sweep(DAY, 1_000)).await;
        if pooled(&pool).await != pid {
            until(&mut admin, IS_GONE, pid).await;
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
    conn.execute("BEGIN; INSERT INTO effects VALUES ('given up')").await.expect("a row");
    drop(conn);
    assert_eq!(store.sweep(DAY, 10).await.expect("a sweep"), ONE);
    assert!(database.written().await.is_empty());
}
