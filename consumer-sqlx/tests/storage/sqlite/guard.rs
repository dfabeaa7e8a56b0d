//! What COMMIT does not say, and commits that nobody ordered.

use consumer_core::{
    Class, Storage,
    storage::{Commit, Rollback, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::Connection as _;
use sqlx::{Acquire, Executor, Sqlite, SqliteConnection, Transaction};

use super::{stage::write, start};
use crate::unit::{LIMITS, NOTHING, begin, class, is_claimed};

/// A full disk ends the transaction; what the handler does then, each statement would commit by itself.
#[tokio::test]
async fn nothing_after_a_full_disk_is_committed() {
    let (database, store, consumer) = start().await;
    for finish in ["commit", "roll back"] {
        let mut session = store.open(LIMITS).await.expect("a session");
        let mut tx = begin(&store, &mut session, consumer, finish).await;
        write(SqliteConnection::lend(&mut tx), "before").await.expect("a row");
        let full = "PRAGMA max_page_count = 1; INSERT INTO effects VALUES (hex(zeroblob(1000000)))";
        let error = SqliteConnection::lend(&mut tx).execute(full).await.expect_err("no room");
        assert_eq!(class(&store, &error.into()), Some(Class::OutOfSpace));
        let room = "PRAGMA max_page_count = 1000000";
        SqliteConnection::lend(&mut tx).execute(room).await.expect("room again");
        write(SqliteConnection::lend(&mut tx), "after").await.expect_err("a commit of its own is vetoed");
        let noticed = match finish {
            "commit" => matches!(store.commit(tx, &NOTHING).await, Commit::Ended),
            _ => matches!(store.roll_back(tx).await, Rollback::Ended),
        };
        assert!(noticed, "{finish}");
        assert!(!is_claimed(&store, consumer, finish).await);
    }
    assert_eq!(database.written().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_commit_of_the_handler_is_vetoed() {
    let (database, store, consumer) = start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    write(SqliteConnection::lend(&mut tx), "1").await.expect("a row");
    SqliteConnection::lend(&mut tx).execute("COMMIT").await.expect_err("not the handler's to say");
    for statement in ["INSERT INTO effects VALUES ('2')", "BEGIN; INSERT INTO effects VALUES ('3'); COMMIT"] {
        SqliteConnection::lend(&mut tx).execute(statement).await.expect_err("nor this");
    }
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Ended));
    assert!(!is_claimed(&store, consumer, "1").await);
    assert_eq!(database.written().await, Vec::<String>::new());
}

/// The gate opens for one commit: a session goes on, and what its next handler commits is vetoed again.
#[tokio::test]
async fn the_gate_opens_once_for_each_unit() {
    let (_database, store, consumer) = start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    for id in ["1", "2", "3"] {
        let tx = begin(&store, &mut session, consumer, id).await;
        assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    }
    let mut tx = begin(&store, &mut session, consumer, "4").await;
    SqliteConnection::lend(&mut tx).execute("COMMIT").await.expect_err("not the handler's to say");
}

#[tokio::test]
async fn savepoints_of_the_handler_do_no_harm() {
    let (database, store, consumer) = start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let ours = <Transaction<'static, Sqlite>>::lend(&mut tx);
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
async fn a_constraint_that_speaks_at_the_commit_refuses_it() {
    let (database, store, consumer) = start().await;
    let deferred = "CREATE TABLE parent (id INTEGER PRIMARY KEY); \
                    CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)";
    database.connect().await.execute(deferred).await.expect("tables");
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    SqliteConnection::lend(&mut tx).execute("INSERT INTO child VALUES (99)").await.expect("deferred");
    match store.commit(tx, &NOTHING).await {
        Commit::Refused(error) => assert_eq!(class(&store, &error), Some(Class::Transient), "{error}"),
        end => panic!("{end:?}"),
    }
    assert!(!is_claimed(&store, consumer, "1").await);
    let mut tx = begin(&store, &mut session, consumer, "2").await;
    SqliteConnection::lend(&mut tx)
        .execute("COMMIT")
        .await
        .expect_err("a refused commit leaves the gate closed");
}

#[tokio::test]
async fn ddl_belongs_to_the_unit() {
    let (database, store, consumer) = start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    SqliteConnection::lend(&mut tx).execute("CREATE TABLE made (id INTEGER)").await.expect("a table");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    database.connect().await.execute("SELECT * FROM made").await.expect("the table is there");
}
