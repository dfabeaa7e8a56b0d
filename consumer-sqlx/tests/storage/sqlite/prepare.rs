//! Tables: created once, verified always.

use std::{
    env,
    process::{Command, Stdio},
};

use consumer_core::{
    Storage,
    storage::{ConsumerName, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::{Connection as _, sqlite::SqliteStore};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection, SqlitePool};
use tracing::level_filters::LevelFilter;

use super::stage::Database;
use crate::{
    doctor,
    log::Log,
    unit::{self, LIMITS, NOTHING, begin},
};

/// Tells a copy of this test which file it shares with the others.
const SHARED: &str = "CONSUMER_TEST_SQLITE_SHARED";

/// Twenty processes: within one, SQLite's locks are not the ones that processes have.
#[tokio::test]
async fn twenty_processes_at_once_create_the_tables_once() {
    if let Ok(url) = env::var(SHARED) {
        let store = SqliteStore::connect(&url).await.expect("a store");
        unit::start(&store).await;
        return;
    }
    let database = Database::create();
    let children: Vec<_> = (0..20)
        .map(|_| {
            Command::new(env::current_exe().expect("this test"))
                .args(["--exact", "sqlite::prepare::twenty_processes_at_once_create_the_tables_once"])
                .env(SHARED, database.url())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("a process")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let mut conn = database.connect().await;
    let steps: i64 = sqlx::query_scalar("SELECT count(*) FROM consumer_migrations")
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(steps, 4);
}

#[tokio::test]
async fn twenty_stores_at_once_create_the_tables_once() {
    let database = Database::create();
    let stores =
        join_all((0..20).map(|_| async { SqliteStore::connect(database.url()).await.expect("a store") }))
            .await;
    for prepared in join_all(stores.iter().map(Storage::prepare)).await {
        prepared.expect("stores that start at once must not disturb each other");
    }
}

#[tokio::test]
async fn a_database_of_the_version_before_keeps_its_claims() {
    let database = Database::create();
    let builder = SqliteStore::builder().table_prefix("acme_");
    let script = builder.migrations().expect("a script");
    let before = format!("{}COMMIT;", unit::steps_before(&script, "-- 4: failures"));
    let store = builder.clone().connect(database.url()).await.expect("a store");
    database.connect().await.execute(AssertSqlSafe(before)).await.expect("the tables of version 3");
    let consumer = store.enroll(&[ConsumerName { name: "test", aliases: &[] }]).await.expect("an id")[0];
    let mut session = store.open(LIMITS).await.expect("a session");
    store.commit(begin(&store, &mut session, consumer, "1").await, &NOTHING).await;
    drop(session);
    let verifying = builder.verify_only().connect(database.url()).await.expect("a store");
    let error = verifying.prepare().await.expect_err("the tables are old");
    assert!(
        error.is_schema() && error.to_string().contains("of version 3 and version 4 is needed"),
        "{error}"
    );
    doctor::assert_refused(&store, "tables", &error).await;
    store.prepare().await.expect("an upgrade");
    verifying.prepare().await.expect("the tables are current");
    assert!(unit::is_claimed(&store, consumer, "1").await, "an upgrade must not touch a claim");
    let enrolled = store.enrolled().await.expect("a list");
    assert_eq!((enrolled[0].id, enrolled[0].deployment.as_deref()), (consumer, None));
    let mut session = store.open(LIMITS).await.expect("a session");
    unit::fail_one(&store, &mut session, consumer).await;
}

#[tokio::test]
async fn verify_only_says_what_is_missing_and_how_to_repair_it() {
    let database = Database::create();
    let builder = SqliteStore::builder().table_prefix("acme_");
    let store = builder.clone().verify_only().connect(database.url()).await.expect("a store");
    let error = store.prepare().await.expect_err("no tables");
    assert!(error.is_schema() && error.to_string().contains("acme_"), "{error}");
    let mut conn = database.connect().await;
    let script = builder.migrations().expect("a script");
    conn.execute(AssertSqlSafe(script)).await.expect("the printed statements run as they are");
    store.prepare().await.expect("the tables are there");
    let consumer = unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    store.commit(begin(&store, &mut session, consumer, "1").await, &NOTHING).await;
    conn.execute("ALTER TABLE acme_processed_events DROP COLUMN readable_id").await.expect("a change");
    assert!(store.prepare().await.expect_err("a column is missing").is_schema());
    conn.execute("DROP TABLE acme_processed_events").await.expect("a change");
    assert!(store.prepare().await.expect_err("a table is missing").is_schema());
}

#[tokio::test]
async fn a_table_of_another_application_is_not_taken_over() {
    let database = Database::create();
    let store = database.store().await;
    store.pool().execute("CREATE TABLE consumers (id INTEGER)").await.expect("a table of the application");
    let error = store.prepare().await.expect_err("the name is taken");
    assert!(error.is_schema() && error.to_string().contains("prefix"), "{error}");
    let store = SqliteStore::builder().table_prefix("inbox_").connect(database.url()).await.expect("a store");
    store.prepare().await.expect("a prefix makes room");
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite::memory:", "sqlite://?mode=memory", "sqlite:file:x?mode=memory"] {
        let Ok(store) = SqliteStore::connect(url).await else { continue };
        let error = store.prepare().await.expect_err("it would forget");
        assert!(error.is_settings() && error.to_string().contains("file"), "{url}: {error}");
    }
    let pool = SqlitePool::connect("sqlite::memory:").await.expect("a pool");
    assert!(SqliteStore::from_pool(pool).prepare().await.expect_err("it would forget").is_settings());
}

#[tokio::test]
async fn a_session_syncs_each_commit_whatever_the_pool_prefers() {
    let database = Database::create();
    let options = database.url().parse::<sqlx::sqlite::SqliteConnectOptions>().expect("a URL");
    let options = options.create_if_missing(true).synchronous(sqlx::sqlite::SqliteSynchronous::Off);
    let pool = SqlitePool::connect_with(options).await.expect("a pool");
    let store = SqliteStore::from_pool(pool);
    let consumer = unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = begin(&store, &mut session, consumer, "1").await;
    let level: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(SqliteConnection::lend(&mut tx))
        .await
        .expect("a level");
    assert_eq!(level, 3, "EXTRA");
}

#[tokio::test]
async fn journals_that_break_files_are_warned_about() {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    for (mode, expected) in [(SqliteJournalMode::Wal, false), (SqliteJournalMode::Memory, true)] {
        let database = Database::create();
        let options = database.url().parse::<SqliteConnectOptions>().expect("a URL");
        let pool = SqlitePool::connect_with(options.create_if_missing(true).journal_mode(mode)).await;
        let (log, guard) = Log::start(LevelFilter::WARN);
        let store = SqliteStore::from_pool(pool.expect("a pool"));
        store.prepare().await.expect("tables");
        assert_eq!(log.text().contains("journal_mode = memory"), expected, "{}", log.text());
        drop(guard);
        match expected {
            false => doctor::assert_fine(&store).await,
            true => doctor::assert_warned(&store, &log.text()).await,
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let error = SqliteStore::connect("sqlite:/nowhere/at/all.db").await.expect_err("no directory");
    assert!(error.is_unavailable() && error.to_string().contains("/nowhere/at/all.db"), "{error}");
}
