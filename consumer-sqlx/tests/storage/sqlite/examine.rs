//! What the doctor is told.

use consumer_core::{Storage, doctor::Severity, error::Chain};
use consumer_sqlx::sqlite::SqliteStore;
use sqlx::{
    AssertSqlSafe, Executor, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::stage::Database;
use crate::doctor::{about, assert_fine, assert_refused};

#[tokio::test]
async fn tables_that_are_missing_are_refused_and_not_created() {
    let database = Database::create();
    let builder = SqliteStore::builder().table_prefix("inbox_");
    let store = builder.clone().connect(database.url()).await.expect("a store");
    let verifying = builder.verify_only().connect(database.url()).await.expect("a store");
    let error = verifying.prepare().await.expect_err("no tables");
    for store in [&store, &verifying] {
        assert_refused(store, "tables", &error).await;
        let findings = store.examine().await;
        assert_eq!(about(&findings, "database").severity, Severity::Fine);
    }
    let mut conn = database.connect().await;
    let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'inbox%'";
    let tables: i64 = sqlx::query_scalar(count).fetch_one(&mut conn).await.expect("a count");
    assert_eq!(tables, 0, "whoever asks the doctor changes nothing");
    store.prepare().await.expect("tables");
    assert_fine(&store).await;
    assert_fine(&verifying).await;
}

#[tokio::test]
async fn tables_that_were_changed_are_refused_with_what_is_missing() {
    let database = Database::create();
    let builder = SqliteStore::builder().table_prefix("inbox_");
    let store = builder.connect(database.url()).await.expect("a store");
    store.prepare().await.expect("tables");
    let mut conn = database.connect().await;
    for (table, column) in
        [("consumers", "deployment"), ("message_runs", "deaths"), ("event_failures", "reason")]
    {
        let drop = format!("ALTER TABLE inbox_{table} DROP COLUMN {column}");
        conn.execute(AssertSqlSafe(drop)).await.expect("a change");
        let error = store.prepare().await.expect_err("a column is missing");
        assert!(error.is_schema() && Chain(&error).to_string().contains(column), "{error:?}");
        assert_refused(&store, "tables", &error).await;
        assert!(about(&store.examine().await, "tables").found.contains(column), "the column is named");
        let restore = format!("ALTER TABLE inbox_{table} ADD COLUMN {column} TEXT");
        conn.execute(AssertSqlSafe(restore)).await.expect("a change");
    }
    assert_fine(&store).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_refused_and_not_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("not_yet.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let store = SqliteStore::from_pool(SqlitePoolOptions::new().connect_lazy_with(options));
    let findings = store.examine().await;
    let finding = about(&findings, "database");
    assert_eq!(finding.severity, Severity::Refuses, "{finding}");
    assert!(finding.found.contains("not_yet.db cannot be opened"), "{finding}");
    assert!(!file.exists(), "whoever asks the doctor changes nothing");
    store.prepare().await.expect("a start creates it");
    assert_fine(&store).await;
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    let store = SqliteStore::from_pool(SqlitePool::connect("sqlite::memory:").await.expect("a pool"));
    let error = store.prepare().await.expect_err("it would forget");
    assert_refused(&store, "database", &error).await;
}
