//! Tables: created once, verified always.

use consumer_core::{
    Storage,
    storage::{ConsumerName, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::mysql::MySqlStore;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Executor, mysql::MySqlConnectOptions};
use tracing::level_filters::LevelFilter;

use super::stage::Database;
use crate::{
    doctor,
    log::Log,
    unit::{self, LIMITS, NOTHING, begin},
};

#[tokio::test]
async fn twenty_at_once_create_the_tables_once() {
    let Some(database) = Database::create().await else { return };
    let stores = join_all((0..20).map(|_| async {
        MySqlStore::builder().max_connections(2).connect(database.url()).await.expect("a store")
    }))
    .await;
    for prepared in join_all(stores.iter().map(Storage::prepare)).await {
        prepared.expect("processes that start at once must not disturb each other");
    }
    let mut conn = database.connect().await;
    let steps: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM consumer_migrations")
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(steps, 4);
}

/// DDL is not transactional here: a process may have died between a table and its record.
#[tokio::test]
async fn a_step_that_was_half_taken_is_taken_again() {
    let Some((database, store, _)) = super::start().await else { return };
    let half = "DELETE FROM consumer_migrations; DROP TABLE processed_events";
    database.connect().await.execute(half).await.expect("a crash");
    store.prepare().await.expect("the rest is created");
}

#[tokio::test]
async fn a_database_of_the_version_before_keeps_its_claims() {
    let Some(database) = Database::create().await else { return };
    let builder = MySqlStore::builder().table_prefix("acme_");
    let script = builder.migrations().expect("a script");
    let before = unit::steps_before(&script, "-- 4: failures").to_owned();
    database.connect().await.execute(AssertSqlSafe(before)).await.expect("the tables of version 3");
    let store = builder.clone().connect(database.url()).await.expect("a store");
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
    let Some(database) = Database::create().await else { return };
    let builder = MySqlStore::builder().table_prefix("acme_");
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
    drop(session);
    conn.execute("ALTER TABLE acme_processed_events DROP COLUMN readable_id").await.expect("a change");
    assert!(store.prepare().await.expect_err("a column is missing").is_schema());
    conn.execute("DROP TABLE acme_processed_events").await.expect("a change");
    assert!(store.prepare().await.expect_err("a table is missing").is_schema());
}

#[tokio::test]
async fn a_table_of_another_application_is_not_taken_over() {
    let Some(database) = Database::create().await else { return };
    let mut conn = database.connect().await;
    conn.execute("CREATE TABLE consumers (id INT)").await.expect("a table of the application");
    let error = database.store().await.prepare().await.expect_err("the name is taken");
    assert!(error.is_schema() && error.to_string().contains("prefix"), "{error}");
    let store = MySqlStore::builder().table_prefix("inbox_").connect(database.url()).await.expect("a store");
    store.prepare().await.expect("a prefix makes room");
}

#[tokio::test]
async fn a_user_without_ddl_rights_uses_tables_that_are_there() {
    let Some((database, owner, _)) = super::start().await else { return };
    let (mut admin, name) = (database.connect().await, database.name());
    let grants = format!(
        "CREATE USER u_{name} IDENTIFIED BY 'secret'; GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO u_{name}"
    );
    admin.execute(AssertSqlSafe(grants)).await.expect("a user");
    let options = MySqlConnectOptions::clone(&owner.pool().connect_options());
    let options = options.username(&format!("u_{name}")).password("secret");
    let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(3).connect_lazy_with(options);
    let store = MySqlStore::from_pool(pool);
    let consumer = unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    store.roll_back(begin(&store, &mut session, consumer, "1").await).await;
    unit::relay_one(&store, &mut session, consumer).await;
    unit::fail_one(&store, &mut session, consumer).await;
    store.note_deployments(&[("test", "{}".to_owned())]).await.expect("a note");
    drop(session);
    store.sweep(std::time::Duration::from_secs(1), 10).await.expect("a sweep");
    admin
        .execute(
            "DROP TABLE consumer_migrations, consumers, processed_events, external_effects, event_failures, message_runs",
        )
        .await
        .expect("a change");
    let error = store.prepare().await.expect_err("no right to create");
    assert!(error.is_schema() && error.to_string().contains("right"), "{error}");
    let _ = admin.execute(AssertSqlSafe(format!("DROP USER u_{name}"))).await;
}

#[tokio::test]
async fn keys_are_binary_and_tables_transactional_whatever_the_server_prefers() {
    let Some((database, ..)) = super::start().await else { return };
    let mut conn = database.connect().await;
    let engines: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(ENGINE AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
    )
    .fetch_all(&mut conn)
    .await
    .expect("engines");
    assert!(engines.iter().all(|engine| engine == "InnoDB"), "{engines:?}");
    let collated: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.COLUMNS c JOIN information_schema.STATISTICS s \
         USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME) WHERE c.TABLE_SCHEMA = DATABASE() \
         AND c.TABLE_NAME IN ('consumers', 'processed_events', 'event_failures', 'message_runs') \
         AND s.INDEX_NAME = 'PRIMARY' AND c.COLLATION_NAME IS NOT NULL",
    )
    .fetch_one(&mut conn)
    .await
    .expect("a count");
    assert_eq!(collated, 0);
}

/// The setting is the server's, so the test changes it for all of them, and back.
#[tokio::test]
async fn settings_that_forget_commits_are_warned_about() {
    let Some((database, store, _)) = super::start().await else { return };
    let mut admin = database.connect().await;
    let before: i64 = sqlx::query_scalar("SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)")
        .fetch_one(&mut admin)
        .await
        .expect("a setting");
    for setting in [1, 2] {
        let set = format!("SET GLOBAL innodb_flush_log_at_trx_commit = {setting}");
        admin.execute(AssertSqlSafe(set)).await.expect("a setting");
        let (log, guard) = Log::start(LevelFilter::WARN);
        store.prepare().await.expect("tables");
        assert_eq!(log.text().contains("innodb_flush_log_at_trx_commit = 2"), setting == 2, "{}", log.text());
        drop(guard);
        match setting {
            1 => doctor::assert_fine(&store).await,
            _ => doctor::assert_warned(&store, &log.text()).await,
        }
    }
    let reset = format!("SET GLOBAL innodb_flush_log_at_trx_commit = {before}");
    admin.execute(AssertSqlSafe(reset)).await.expect("a setting");
}
