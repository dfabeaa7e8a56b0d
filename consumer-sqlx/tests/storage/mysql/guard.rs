//! What COMMIT does not say.

use consumer_core::{
    Class, Storage,
    storage::{Commit, Rollback, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::Connection as _;
use futures_util::FutureExt;
use sqlx::{Acquire, Executor, MySql, MySqlConnection, Transaction};

use super::{stage::write, start};
use crate::unit::{LIMITS, NOTHING, begin, class, is_claimed};

#[tokio::test]
async fn ddl_ends_the_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    for finish in ["commit", "roll back"] {
        let mut session = store.open(LIMITS).await.expect("a session");
        let mut tx = begin(&store, &mut session, consumer, finish).await;
        write(MySqlConnection::lend(&mut tx), finish).await.expect("a row");
        let ddl = "CREATE TABLE IF NOT EXISTS made (id INT)";
        MySqlConnection::lend(&mut tx).execute(ddl).await.expect("DDL commits what came before it");
        write(MySqlConnection::lend(&mut tx), "later").await.expect("a row of no unit");
        let noticed = match finish {
            "commit" => matches!(store.commit(tx, &NOTHING).await, Commit::Ended),
            _ => matches!(store.roll_back(tx).await, Rollback::Ended),
        };
        assert!(noticed, "{finish}");
        assert!(is_claimed(&store, consumer, finish).await, "what DDL has committed, remains");
    }
    assert_eq!(database.written().await, ["commit", "roll back"], "what followed was undone");
}

/// Other than on PostgreSQL the transaction goes on.
#[tokio::test]
async fn a_swallowed_error_is_the_decision_of_the_handler() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    write(MySqlConnection::lend(&mut tx), "before").await.expect("a row");
    let swallowed = MySqlConnection::lend(&mut tx).execute("INSERT INTO pair VALUES (1, 0)").await;
    assert_eq!(class(&store, &swallowed.expect_err("a duplicate").into()), Some(Class::Transient));
    write(MySqlConnection::lend(&mut tx), "after").await.expect("a row");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    assert_eq!(database.written().await, ["before", "after"]);
}

#[tokio::test]
async fn a_cancelled_nested_begin_leaves_all_or_nothing() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, MySql>>::lend(&mut tx);
    // One poll sends the request; now and then the answer is there at once.
    while ours.begin().now_or_never().is_some() {}
    let _ = write(ours, "1").await;
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Ended | Commit::Done), "{end:?}");
    let claimed = is_claimed(&store, consumer, "1").await;
    assert_eq!(database.written().await.len(), usize::from(claimed));
    assert_eq!(claimed, matches!(end, Commit::Done));
}

#[tokio::test]
async fn savepoints_of_the_handler_do_no_harm() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, MySql>>::lend(&mut tx);
    let mut kept = ours.begin().await.expect("a savepoint");
    write(&mut kept, "kept").await.expect("a row");
    kept.commit().await.expect("a release");
    let mut given_up = ours.begin().await.expect("a savepoint");
    write(&mut given_up, "given up").await.expect("a row");
    given_up.rollback().await.expect("back to the savepoint");
    let mut dropped = ours.begin().await.expect("a savepoint");
    write(&mut dropped, "dropped").await.expect("a row");
    drop(dropped);
    let end = store.commit(tx, &NOTHING).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
    assert_eq!(database.written().await, ["kept"]);
}

#[tokio::test]
async fn a_session_that_is_killed_is_a_lost_unit() {
    let Some((database, store, consumer)) = start().await else { return };
    for finish in ["commit", "roll back"] {
        let mut session = store.open(LIMITS).await.expect("a session");
        let mut tx = begin(&store, &mut session, consumer, "1").await;
        let id: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()")
            .fetch_one(MySqlConnection::lend(&mut tx))
            .await
            .expect("an id");
        database.connect().await.execute(sqlx::AssertSqlSafe(format!("KILL {id}"))).await.expect("a kill");
        let lost = match finish {
            "commit" => matches!(store.commit(tx, &NOTHING).await, Commit::Lost(_)),
            _ => matches!(store.roll_back(tx).await, Rollback::Lost(_)),
        };
        assert!(lost, "{finish}");
    }
    assert!(!is_claimed(&store, consumer, "1").await);
}
