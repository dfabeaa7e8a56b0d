//! Pinned connections and the application's pool.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::{Commit, Extent, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::{Connection as _, postgres::PgStore};
use sqlx::{Executor, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::time::timeout;

use super::{
    stage::{Database, write},
    start,
};
use crate::unit::{self, LIMITS, NOTHING, begin};

async fn pool(database: &Database, connections: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections).connect(database.url()).await.expect("a pool")
}

/// sqlx gives a connection back to the pool with the transaction open that a dropped `begin` has started.
#[tokio::test]
async fn a_transaction_that_the_pool_was_left_with_is_not_continued() {
    let Some(database) = Database::create().await else { return };
    let pool = pool(&database, 2).await;
    let store = PgStore::from_pool(pool.clone());
    let consumer = unit::start(&store).await;
    // Both connections, so that the session gets one of them.
    let (mut one, mut other) = (pool.acquire().await.expect("one"), pool.acquire().await.expect("another"));
    for conn in [&mut one, &mut other] {
        conn.execute("BEGIN; INSERT INTO effects VALUES ('given up')").await.expect("a row");
    }
    drop((one, other));
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    write(PgConnection::lend(&mut tx), "ours").await.expect("a row");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    assert_eq!(database.written().await, ["ours"]);
}

#[tokio::test]
async fn a_session_counts_in_its_pool_and_is_never_given_back() {
    let Some(database) = Database::create().await else { return };
    let pool = pool(&database, 2).await;
    let store = PgStore::from_pool(pool.clone());
    assert_eq!(store.capacity(), Some(1), "one connection is left for everything else");
    unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let tx = store.begin(&mut session, Extent::One).await.expect("a unit");
    drop(tx);
    let _last = pool.acquire().await.expect("the other connection");
    let third = timeout(Duration::from_millis(200), pool.acquire()).await;
    assert!(third.is_err(), "a session must count as a connection of its pool");
    drop(session);
    let mut conn = pool.acquire().await.expect("the session has made room");
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *conn).await.expect("a pid");
    let mut admin = database.connect().await;
    let old: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%consumer_unit%'",
    )
    .bind(pid)
    .fetch_one(&mut admin)
    .await
    .expect("a count");
    assert_eq!(old, 0, "the application must not get a connection that a session had");
}

#[tokio::test]
async fn a_unit_runs_in_read_committed_whatever_the_database_prefers() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut admin = database.connect().await;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut admin).await.expect("a name");
    let alter = format!(
        "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'; \
         ALTER DATABASE {name} SET default_transaction_read_only = on"
    );
    admin.execute(sqlx::AssertSqlSafe(alter)).await.expect("a setting");
    let store = PgStore::connect(database.url()).await.unwrap_or(store);
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let level: String = sqlx::query_scalar("SELECT current_setting('transaction_isolation')")
        .fetch_one(PgConnection::lend(&mut tx))
        .await
        .expect("a level");
    assert_eq!(level, "read committed");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    let _ = database.written().await;
}

/// What the server says that a session does.
async fn state(admin: &mut PgConnection, pid: i32) -> String {
    let state = "SELECT state FROM pg_stat_activity WHERE pid = $1";
    sqlx::query_scalar(state).bind(pid).fetch_one(admin).await.expect("a state")
}

/// The commit chains an empty transaction, whose rollback the next unit sends; or rest does, where none comes.
#[tokio::test]
async fn a_session_that_rests_is_in_no_transaction() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut admin = database.connect().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    for id in ["1", "2", "3"] {
        let mut tx = begin(&store, &mut session, consumer, id).await;
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(PgConnection::lend(&mut tx)).await;
        let pid = pid.expect("a pid");
        write(PgConnection::lend(&mut tx), id).await.expect("a row");
        assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
        assert_eq!(database.written().await.last().map(String::as_str), Some(id), "others see the commit");
        assert_eq!(state(&mut admin, pid).await, "idle in transaction", "guard and commit were one text");
        if id != "2" {
            store.rest(&mut session).await.expect("rest");
            assert_eq!(state(&mut admin, pid).await, "idle");
        }
    }
}

/// A look outside a unit must not run in what the commit has chained: it would not see what others commit, were there a snapshot,
/// and leave the session in it.
#[tokio::test]
async fn a_look_after_a_unit_is_in_no_transaction() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(PgConnection::lend(&mut tx)).await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    let key = unit::claim(consumer, "1").key;
    assert!(store.find(&mut session, consumer, key).await.expect("a look").is_some());
    assert_eq!(state(&mut database.connect().await, pid.expect("a pid")).await, "idle");
    store.rest(&mut session).await.expect("rest");
}
