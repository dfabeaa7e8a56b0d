//! Time.

use std::time::{Duration, Instant};

use consumer_core::{
    Class, Storage,
    storage::{Commit, Sessions, UnitLimits},
};
use consumer_sqlx::Connection as _;
use sqlx::{Executor, MySqlConnection};

use super::start;
use crate::unit::{NOTHING, begin, class};

const SHORT: UnitLimits = UnitLimits { handler: Duration::from_secs(1), grace: Duration::ZERO };

/// A lock wait that ends undoes its statement only: a handler that swallowed the error would commit half of its work.
#[tokio::test]
async fn a_lock_wait_outlives_the_handler() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut rival = database.connect().await;
    rival.execute("START TRANSACTION; UPDATE pair SET n = 1").await.expect("a lock");
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let started = Instant::now();
    let error =
        MySqlConnection::lend(&mut tx).execute("UPDATE pair SET n = 2").await.expect_err("a lock wait");
    assert!(
        started.elapsed() > SHORT.handler,
        "the wait must not end while the handler may still swallow it"
    );
    assert_eq!(class(&store, &error.into()), Some(Class::Conflict));
}

#[tokio::test]
async fn a_wait_for_a_tables_definition_ends_too() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut rival = database.connect().await;
    rival.execute("START TRANSACTION; UPDATE pair SET n = 1").await.expect("a lock");
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let error = MySqlConnection::lend(&mut tx).execute("DROP TABLE pair").await.expect_err("a lock wait");
    assert_eq!(class(&store, &error.into()), Some(Class::Conflict));
}

/// What a worker meets that had nothing to do for longer than the server waits for it.
#[tokio::test]
async fn a_session_that_the_server_closed_is_replaced() {
    let Some((database, store, consumer)) = start().await else { return };
    let mut session = store.open(SHORT).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let before: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()")
        .fetch_one(MySqlConnection::lend(&mut tx))
        .await
        .expect("an id");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut tx = begin(&store, &mut session, consumer, "2").await;
    let after: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()")
        .fetch_one(MySqlConnection::lend(&mut tx))
        .await
        .expect("an id");
    assert_ne!(before, after, "the server has closed the old one");
    assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
    drop(database);
}
