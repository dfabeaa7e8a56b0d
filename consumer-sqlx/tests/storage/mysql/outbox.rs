//! Publishing outside a handler.

use consumer_core::{outbox::Route, testing::SuiteStorage};
use sqlx::{Executor, MySqlConnection};

use super::start;
use crate::published::{Captured, rows};

#[tokio::test]
async fn publishing_belongs_to_the_transaction() {
    let Some((_database, store, _)) = start().await else { return };
    let mut undone = store.pool().begin().await.expect("a transaction");
    store.publish(&mut undone, &Captured("a")).await.expect("published");
    undone.rollback().await.expect("undone");
    let mut tx = store.pool().begin().await.expect("a transaction");
    let id = store.publish(&mut tx, &Captured("a")).await.expect("published");
    let second = store.publish_to(&mut tx, &Captured("a"), Route::queue("q")).await.expect("published");
    assert_eq!(rows(&store).await.len(), 0, "nothing is seen before the commit");
    tx.commit().await.expect("a commit");
    let rows = rows(&store).await;
    let seen: Vec<_> = rows.iter().map(|row| (row.event.id, row.number)).collect();
    assert_eq!(seen, [(id, Some(1)), (second, Some(2))]);
    assert_eq!(rows[1].event.exchange.as_deref(), Some(""));
}

/// The level of a transaction that the application begins is its own: here its snapshot is older than the lane.
#[tokio::test]
async fn a_snapshot_of_before_gives_no_number_twice() {
    let Some((database, store, _)) = start().await else { return };
    for level in ["REPEATABLE READ", "READ COMMITTED", "SERIALIZABLE"] {
        let mut conn = database.connect().await;
        let set = format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}");
        conn.execute(sqlx::AssertSqlSafe(set)).await.expect("a level");
        let mut old = sqlx::Connection::begin(&mut conn).await.expect("a transaction");
        look(&mut old).await;
        let mut new = store.pool().begin().await.expect("a transaction");
        store.publish(&mut new, &Captured("a")).await.expect("published");
        new.commit().await.expect("a commit");
        store.publish(&mut old, &Captured("a")).await.expect("published");
        old.commit().await.expect("a commit");
    }
    let numbers: Vec<_> = rows(&store).await.into_iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=6).map(Some).collect::<Vec<_>>());
}

/// Takes a snapshot, where the level has one; without a lock that others would wait for.
async fn look(conn: &mut MySqlConnection) {
    conn.execute("SELECT COUNT(*) FROM ballast").await.expect("a look");
}

#[tokio::test]
async fn missing_tables_are_the_deploys_fault() {
    let Some((database, store, _)) = start().await else { return };
    database.connect().await.execute("DROP TABLE outbox_events").await.expect("a change");
    let mut tx = store.pool().begin().await.expect("a transaction");
    let error = store.publish(&mut tx, &Captured("a")).await.expect_err("no table");
    assert!(error.is_schema(), "{error:?}");
    let _ = database.store().await;
}
