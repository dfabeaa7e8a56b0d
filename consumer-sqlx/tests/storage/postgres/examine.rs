//! What the doctor is told.

use consumer_core::{Storage, doctor::Severity, error::Chain};
use consumer_sqlx::postgres::PgStore;
use sqlx::{AssertSqlSafe, Executor};

use super::stage::Database;
use crate::{
    database,
    doctor::{about, assert_fine, assert_refused},
};

#[tokio::test]
async fn tables_that_are_missing_are_refused_and_not_created() {
    let Some(database) = Database::create().await else { return };
    let builder = PgStore::builder().schema("inbox");
    let store = builder.clone().connect(database.url()).await.expect("a store");
    let verifying = builder.verify_only().connect(database.url()).await.expect("a store");
    let error = verifying.prepare().await.expect_err("no tables");
    for store in [&store, &verifying] {
        assert_refused(store, "tables", &error).await;
        let findings = store.examine().await;
        assert_eq!(about(&findings, "database").severity, Severity::Fine);
    }
    let mut conn = database.connect().await;
    let count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'inbox'";
    let tables: i64 = sqlx::query_scalar(count).fetch_one(&mut conn).await.expect("a count");
    assert_eq!(tables, 0, "whoever asks the doctor changes nothing");
    store.prepare().await.expect("tables");
    assert_fine(&store).await;
    assert_fine(&verifying).await;
}

#[tokio::test]
async fn tables_that_were_changed_are_refused_with_what_is_missing() {
    let Some(database) = Database::create().await else { return };
    let builder = PgStore::builder().schema("inbox");
    let store = builder.connect(database.url()).await.expect("a store");
    store.prepare().await.expect("tables");
    let mut conn = database.connect().await;
    for (table, column) in [
        ("consumers", "deployment"),
        ("message_runs", "deaths"),
        ("event_failures", "reason"),
        ("sweeps", "next_page"),
    ] {
        let drop = format!("ALTER TABLE inbox.{table} DROP COLUMN {column}");
        conn.execute(AssertSqlSafe(drop)).await.expect("a change");
        let error = store.prepare().await.expect_err("a column is missing");
        assert!(error.is_schema() && Chain(&error).to_string().contains(column), "{error:?}");
        assert_refused(&store, "tables", &error).await;
        assert!(about(&store.examine().await, "tables").found.contains(column), "the column is named");
        let restore = format!("ALTER TABLE inbox.{table} ADD COLUMN {column} text");
        conn.execute(AssertSqlSafe(restore)).await.expect("a change");
    }
    assert_fine(&store).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_refused_without_its_password() {
    let pool = sqlx::PgPool::connect_lazy("postgres://app:CaNaRy@127.0.0.1:1/shop")
        .expect("a pool that connects later");
    let findings = PgStore::from_pool(pool).examine().await;
    let finding = about(&findings, "database");
    assert_eq!(finding.severity, Severity::Refuses);
    assert!(finding.found.contains("127.0.0.1:1/shop cannot be reached"), "{finding}");
    assert!(finding.remedy.contains("check that it runs"), "{finding}");
    assert!(!format!("{findings:?}").contains("CaNaRy"), "{findings:?}");
}

#[tokio::test]
async fn a_server_that_says_no_is_refused_with_its_words() {
    let Some(server) = database::server("CONSUMER_TEST_POSTGRES_URL") else { return };
    let url = database::with_database(&server, "nowhere");
    let findings = PgStore::from_pool(sqlx::PgPool::connect_lazy(&url).expect("a pool")).examine().await;
    let finding = about(&findings, "database");
    assert_eq!(finding.severity, Severity::Refuses);
    assert!(
        finding.found.contains("refuses the connection") && finding.found.contains("nowhere"),
        "{finding}"
    );
    assert!(finding.remedy.contains("password, database name"), "{finding}");
}
