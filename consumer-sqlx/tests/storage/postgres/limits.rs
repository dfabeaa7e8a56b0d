//! Time.

use std::time::{Duration, Instant};

use consumer_core::{
    Class, Storage,
    storage::{Commit, Extent, Rollback, Sessions, UnitLimits},
    testing::SuiteStorage,
};
use consumer_sqlx::{Connection as _, postgres::PgStore};
use sqlx::{Executor, PgConnection};

use super::start;
use crate::unit::{LIMITS, NOTHING, begin, claim, class, is_claimed};

const SHORT: UnitLimits = UnitLimits { handler: Duration::from_secs(1), grace: Duration::from_millis(500) };

#[tokio::test]
async fn a_lock_wait_that_ends_is_a_conflict_and_cannot_be_swallowed() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut rival = database.connect().await;
    rival.execute("BEGIN; UPDATE pair SET n = 1").await.expect("a lock");
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let started = Instant::now();
    let error = PgConnection::lend(&mut tx).execute("UPDATE pair SET n = 2").await.expect_err("a lock wait");
    assert!(started.elapsed() < SHORT.handler, "the wait must end before the handler's time");
    assert_eq!(class(&store, &error.into()), Some(Class::Conflict));
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Aborted(_)), "{end:?}");
    assert!(!is_claimed(&store, consumer, "1").await);
}

#[tokio::test]
async fn a_claim_that_waits_too_long_is_a_conflict() {
    let Some((database, store, consumer)) = start().await else { return };
    let (mut one, mut other) =
        (store.open(LIMITS).await.expect("a session"), store.open(SHORT).await.expect("a session"));
    let held = begin(&store, &mut one, consumer, "1").await;
    let mut tx = store.begin(&mut other, Extent::One).await.expect("a unit");
    let error = store.claim(&mut tx, &claim(consumer, "1")).await.expect_err("the claim is held");
    assert_eq!(class(&store, &error), Some(Class::Conflict), "{error}");
    assert!(matches!(store.roll_back(tx).await, Rollback::Done), "the session goes on");
    assert!(matches!(store.commit(held, &NOTHING).await, Commit::Done));
    drop(database);
}

#[tokio::test]
async fn a_statement_does_not_outlive_its_handler_by_much() {
    let Some((_database, store, consumer)) = start().await else { return };
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let error = PgConnection::lend(&mut tx).execute("SELECT pg_sleep(60)").await.expect_err("a limit");
    assert_eq!(class(&store, &error.into()), Some(Class::TimeLimit));
    assert!(matches!(store.roll_back(tx).await, Rollback::Done));
}

/// A handler that is cut off leaves a statement running; its claim is free when the server's limit ends it.
#[tokio::test]
async fn a_handler_that_is_cut_off_frees_its_claim() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let cut_off = tokio::time::timeout(
        Duration::from_millis(100),
        PgConnection::lend(&mut tx).execute("INSERT INTO effects SELECT 'late' FROM pg_sleep(60)"),
    );
    assert!(cut_off.await.is_err());
    drop(tx);
    drop(session);
    let mut session = store.open(LIMITS).await.expect("a session");
    let tx = begin(&store, &mut session, consumer, "1").await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    assert_eq!(database.written().await, Vec::<String>::new());
}

/// A server with this setting closes whoever is idle in a transaction, even in an empty one.
#[tokio::test]
async fn a_session_that_rests_outlives_the_limit_of_an_idle_transaction() {
    let Some((database, _store, consumer)) = start().await else { return };
    let mut admin = database.connect().await;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut admin).await.expect("a name");
    let alter = format!("ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '100ms'");
    admin.execute(sqlx::AssertSqlSafe(alter)).await.expect("a setting");
    let store = PgStore::connect(database.url()).await.expect("a store");
    let (mut rested, mut restless) =
        (store.open(LIMITS).await.expect("a session"), store.open(LIMITS).await.expect("a session"));
    for (session, id) in [(&mut rested, "1"), (&mut restless, "2")] {
        let tx = begin(&store, session, consumer, id).await;
        assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    }
    store.rest(&mut rested).await.expect("rest");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let error = store.begin(&mut restless, Extent::One).await.err().expect("the server has closed it");
    assert_eq!(class(&store, &error), Some(Class::TimeLimit), "{error}");
    let tx = begin(&store, &mut rested, consumer, "3").await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
}

/// A batch gives way soon: the messages of a rival's events are then processed one by one.
#[tokio::test]
async fn many_claims_that_wait_are_a_conflict_before_a_deadlock_would_be_looked_for() {
    let Some((_database, store, consumer)) = start().await else { return };
    let (mut one, mut other) =
        (store.open(LIMITS).await.expect("a session"), store.open(LIMITS).await.expect("a session"));
    let held = begin(&store, &mut one, consumer, "1").await;
    let mut tx = store.begin(&mut other, Extent::Many).await.expect("a unit");
    let started = Instant::now();
    let error = store.claim_many(&mut tx, &[claim(consumer, "1")]).await.expect_err("the claim is held");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(class(&store, &error), Some(Class::Conflict), "{error}");
    assert!(matches!(store.roll_back(tx).await, Rollback::Done), "the session goes on");
    assert!(matches!(store.commit(held, &NOTHING).await, Commit::Done));
}
