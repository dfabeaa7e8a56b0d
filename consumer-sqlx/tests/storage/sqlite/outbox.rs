//! Publishing outside a handler.

use consumer_core::{Class, outbox::Route, testing::SuiteStorage};
use sqlx::Executor;

use super::start;
use crate::published::{Captured, class_of, rows};

#[tokio::test]
async fn publishing_belongs_to_the_transaction() {
    let (_database, store, _) = start().await;
    let begin = "BEGIN IMMEDIATE";
    let mut undone = store.pool().begin_with(begin).await.expect("a transaction");
    store.publish(&mut undone, &Captured("a")).await.expect("published");
    undone.rollback().await.expect("undone");
    let mut tx = store.pool().begin_with(begin).await.expect("a transaction");
    let id = store.publish(&mut tx, &Captured("a")).await.expect("published");
    let second = store.publish_to(&mut tx, &Captured("a"), Route::queue("q")).await.expect("published");
    assert_eq!(rows(&store).await.len(), 0, "nothing is seen before the commit");
    tx.commit().await.expect("a commit");
    let rows = rows(&store).await;
    let seen: Vec<_> = rows.iter().map(|row| (row.event.id, row.number)).collect();
    assert_eq!(seen, [(id, Some(1)), (second, Some(2))]);
    assert_eq!(rows[1].event.exchange.as_deref(), Some(""));
}

#[tokio::test]
async fn a_transaction_that_read_before_another_wrote_is_a_conflict() {
    let (database, store, _) = start().await;
    let mut late = store.pool().begin().await.expect("a transaction");
    late.execute("SELECT count(*) FROM outbox_events").await.expect("a look");
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
    store.publish(&mut tx, &Captured("a")).await.expect("published");
    tx.commit().await.expect("a commit");
    let error = store.publish(&mut late, &Captured("a")).await.expect_err("its snapshot is old");
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(class_of(&store, &error), Some(Class::Conflict), "{error:?}");
    let _ = database.written().await;
}
