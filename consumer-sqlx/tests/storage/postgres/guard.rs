//! What COMMIT does not say.

use consumer_core::{
    Class, Storage,
    departures::Departures,
    storage::{Commit, Extent, Rollback, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::Connection as _;
use futures_util::FutureExt;
use sqlx::{Acquire, Executor, PgConnection, Postgres, Transaction};

use super::{stage::write, start};
use crate::unit::{LIMITS, NOTHING, begin, class, event, is_claimed};

#[tokio::test]
async fn a_commit_answered_by_rollback_is_no_commit() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    write(PgConnection::lend(&mut tx), "1").await.expect("a row");
    let swallowed = PgConnection::lend(&mut tx).execute("INSERT INTO effects VALUES (NULL)").await;
    swallowed.expect_err("a constraint");
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Aborted(_)), "{end:?}");
    assert!(!is_claimed(&store, consumer, "1").await);
    assert_eq!(database.written().await, Vec::<String>::new());
}

/// An aborted transaction need not be ours.
#[tokio::test]
async fn an_error_after_a_commit_of_the_handler_is_an_ended_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    for finish in ["commit", "roll back"] {
        let mut tx = begin(&store, &mut session, consumer, finish).await;
        write(PgConnection::lend(&mut tx), finish).await.expect("a row");
        let text = "COMMIT; BEGIN; INSERT INTO effects VALUES ('lost'); SELECT 1 / 0";
        PgConnection::lend(&mut tx).execute(text).await.expect_err("a division by zero");
        let noticed = match finish {
            "commit" => matches!(store.commit(tx, &NOTHING).await, Commit::Ended),
            _ => matches!(store.roll_back(tx).await, Rollback::Ended),
        };
        assert!(noticed, "{finish}");
        assert!(is_claimed(&store, consumer, finish).await, "what the handler has committed, remains");
    }
    assert_eq!(database.written().await, ["commit", "roll back"]);
}

#[tokio::test]
async fn a_cancelled_nested_begin_is_an_ended_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, Postgres>>::lend(&mut tx);
    // One poll sends the request; now and then the answer is there at once.
    while ours.begin().now_or_never().is_some() {}
    let _ = write(ours, "1").await;
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Ended), "{end:?}");
    assert!(!is_claimed(&store, consumer, "1").await, "the claim was rolled back with the transaction");
    drop(database);
}

#[tokio::test]
async fn savepoints_of_the_handler_do_no_harm() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, Postgres>>::lend(&mut tx);
    let mut kept = ours.begin().await.expect("a savepoint");
    write(&mut kept, "kept").await.expect("a row");
    kept.commit().await.expect("a release");
    let mut given_up = ours.begin().await.expect("a savepoint");
    write(&mut given_up, "given up").await.expect("a row");
    given_up.execute("SELECT 1 / 0").await.expect_err("a division by zero");
    given_up.rollback().await.expect("back to the savepoint");
    let mut dropped = ours.begin().await.expect("a savepoint");
    write(&mut dropped, "dropped").await.expect("a row");
    drop(dropped);
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
    assert_eq!(database.written().await, ["kept"]);
}

#[tokio::test]
async fn a_constraint_that_speaks_at_the_commit_refuses_it() {
    let Some((database, store, consumer)) = start().await else { return };
    let deferred = "CREATE TABLE child (id int REFERENCES pair (id) DEFERRABLE INITIALLY DEFERRED)";
    database.connect().await.execute(deferred).await.expect("a table");
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    PgConnection::lend(&mut tx).execute("INSERT INTO child VALUES (99)").await.expect("deferred");
    match store.commit(tx, &NOTHING).await {
        Commit::Refused(error) => assert_eq!(class(&store, &error), Some(Class::Transient), "{error}"),
        end => panic!("{end:?}"),
    }
    assert!(!is_claimed(&store, consumer, "1").await);
    let tx = begin(&store, &mut session, consumer, "2").await;
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done), "the session goes on");
}

#[tokio::test]
async fn ddl_belongs_to_the_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    PgConnection::lend(&mut tx).execute("CREATE TABLE made (id int)").await.expect("a table");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    database.connect().await.execute("SELECT * FROM made").await.expect("the table is there");
}

#[tokio::test]
async fn a_session_that_is_killed_is_a_lost_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    let something = Departures { events: vec![event(None)], intents: Vec::new() };
    for finish in ["commit", "send away and commit", "roll back"] {
        let mut session = store.open(LIMITS).await.expect("a session");
        let mut tx = begin(&store, &mut session, consumer, "1").await;
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(PgConnection::lend(&mut tx))
            .await
            .expect("a pid");
        let mut admin = database.connect().await;
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut admin).await.expect("a kill");
        let lost = match finish {
            // Guard and commit are one text: nobody knows whether it arrived.
            "commit" => matches!(store.commit(tx, &NOTHING).await, Commit::Unknown(_)),
            "send away and commit" => matches!(store.commit(tx, &something).await, Commit::Lost(_)),
            _ => matches!(store.roll_back(tx).await, Rollback::Lost(_)),
        };
        assert!(lost, "{finish}");
        let error = store.begin(&mut session, Extent::One).await.err().expect("the connection is gone");
        assert_eq!(class(&store, &error), Some(Class::ServerAway), "{error}");
    }
    assert!(!is_claimed(&store, consumer, "1").await);
}

/// The driver's depth is wrong then, which the next unit notices.
#[tokio::test]
async fn a_nested_transaction_that_is_leaked_does_no_harm() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, Postgres>>::lend(&mut tx);
    let mut leaked = ours.begin().await.expect("a savepoint");
    write(&mut leaked, "1").await.expect("a row");
    std::mem::forget(leaked);
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
    assert!(is_claimed(&store, consumer, "1").await);
    assert_eq!(database.written().await, ["1"]);
    store.begin(&mut session, Extent::One).await.err().expect("a session that is to be replaced");
}
