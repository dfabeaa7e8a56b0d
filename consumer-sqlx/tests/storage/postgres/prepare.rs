//! Tables: created once, verified always.

use consumer_core::{
    Storage,
    storage::{ConsumerName, Sessions},
    testing::SuiteStorage,
};
use consumer_sqlx::postgres::PgStore;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
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
        PgStore::builder().schema("inbox").max_connections(2).connect(database.url()).await.expect("a store")
    }))
    .await;
    for prepared in join_all(stores.iter().map(Storage::prepare)).await {
        prepared.expect("processes that start at once must not disturb each other");
    }
    let mut conn = database.connect().await;
    let steps: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox.consumer_migrations")
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(steps, 4);
}

#[tokio::test]
async fn a_database_of_the_version_before_keeps_its_claims() {
    let Some(database) = Database::create().await else { return };
    let builder = PgStore::builder().schema("inbox").table_prefix("acme_");
    let script = builder.migrations().expect("a script");
    let before = format!("{}COMMIT;", unit::steps_before(&script, "-- 4: failures"));
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
    let builder = PgStore::builder().schema("inbox").table_prefix("acme_");
    let store = builder.clone().verify_only().connect(database.url()).await.expect("a store");
    let error = store.prepare().await.expect_err("no tables");
    assert!(error.is_schema() && error.to_string().contains("inbox"), "{error}");
    let mut conn = database.connect().await;
    let script = builder.migrations().expect("a script");
    conn.execute(AssertSqlSafe(script)).await.expect("the printed statements run as they are");
    store.prepare().await.expect("the tables are there");
    let consumer = unit::start(&store).await;
    let mut session = store.open(LIMITS).await.expect("a session");
    store.commit(begin(&store, &mut session, consumer, "1").await, &NOTHING).await;
    conn.execute("ALTER TABLE inbox.acme_processed_events DROP COLUMN readable_id").await.expect("a change");
    let error = store.prepare().await.expect_err("a column is missing");
    assert!(error.is_schema(), "{error}");
    conn.execute("DROP TABLE inbox.acme_processed_events").await.expect("a change");
    assert!(store.prepare().await.expect_err("a table is missing").is_schema());
}

#[tokio::test]
async fn a_table_of_another_application_is_not_taken_over() {
    let Some(database) = Database::create().await else { return };
    let mut conn = database.connect().await;
    conn.execute("CREATE TABLE consumers (id int)").await.expect("a table of the application");
    let store = database.store().await;
    let error = store.prepare().await.expect_err("the name is taken");
    assert!(error.is_schema() && error.to_string().contains("prefix"), "{error}");
    let left: Option<String> = sqlx::query_scalar("SELECT to_regclass('processed_events')::text")
        .fetch_one(&mut conn)
        .await
        .expect("a look");
    assert_eq!(left, None, "a step that failed leaves nothing");
    let store = PgStore::builder().table_prefix("inbox_").connect(database.url()).await.expect("a store");
    store.prepare().await.expect("a prefix makes room");
}

#[tokio::test]
async fn a_role_without_ddl_rights_uses_tables_that_are_there() {
    let Some((database, owner, _)) = super::start().await else { return };
    let mut admin = database.connect().await;
    let role = format!("r_{}", crate::database::fresh_name());
    let create = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    );
    admin.execute(AssertSqlSafe(create)).await.expect("a role");
    let mut url = sqlx::postgres::PgConnectOptions::clone(&owner.pool().connect_options());
    url = url.username(&role).password("secret");
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(3).connect_lazy_with(url);
    for store in [
        PgStore::from_pool(pool.clone()),
        PgStore::builder().verify_only().from_pool(pool.clone()).expect("a store"),
    ] {
        let consumer = unit::start(&store).await;
        let mut session = store.open(LIMITS).await.expect("a session");
        store.roll_back(begin(&store, &mut session, consumer, "1").await).await;
        unit::relay_one(&store, &mut session, consumer).await;
        unit::fail_one(&store, &mut session, consumer).await;
        store.note_deployments(&[("test", "{}".to_owned())]).await.expect("a note");
        store.sweep(std::time::Duration::from_secs(1), 10).await.expect("a sweep");
        doctor::assert_fine(&store).await;
    }
    admin
        .execute(
            "DROP TABLE consumer_migrations, consumers, processed_events, outbox_events, outbox_keys, external_effects, \
             event_failures, message_runs, sweeps",
        )
        .await
        .expect("a change");
    let error = PgStore::from_pool(pool.clone()).prepare().await.expect_err("no right to create");
    assert!(error.is_schema() && error.to_string().contains("right"), "{error}");
    pool.close().await;
    drop(database);
    let server = crate::database::server("CONSUMER_TEST_POSTGRES_URL").expect("the server is still there");
    let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL");
    let _ = admin.execute(AssertSqlSafe(format!("DROP ROLE {role}"))).await;
}

#[tokio::test]
async fn tables_of_a_newer_version_are_used() {
    let Some((database, store, _)) = super::start().await else { return };
    let newer = "INSERT INTO consumer_migrations (version, name) VALUES (99, 'to come'); \
                 ALTER TABLE processed_events ADD COLUMN later int";
    database.connect().await.execute(newer).await.expect("a change");
    store.prepare().await.expect("an old process goes on while the new version is rolled out");
}

#[tokio::test]
async fn settings_that_forget_commits_are_warned_about() {
    let Some((database, store, _)) = super::start().await else { return };
    let (log, guard) = Log::start(LevelFilter::WARN);
    store.prepare().await.expect("tables");
    assert!(!log.text().contains("synchronous_commit"), "{}", log.text());
    let mut admin = database.connect().await;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut admin).await.expect("a name");
    let alter = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    admin.execute(AssertSqlSafe(alter)).await.expect("a setting");
    let store = PgStore::connect(database.url()).await.expect("a store");
    store.prepare().await.expect("tables");
    assert!(log.text().contains("synchronous_commit = off"), "{}", log.text());
    drop(guard);
    doctor::assert_warned(&store, &log.text()).await;
}
