//! What an error means, by its SQLSTATE.

use consumer_core::{
    Class, Storage,
    storage::{Extent, Sessions},
};
use consumer_sqlx::Connection as _;
use sqlx::{Executor, PgConnection};

use super::start;
use crate::{
    chain::assert_each_shape,
    unit::{LIMITS, class},
};

#[tokio::test]
async fn errors_are_classified_by_code() {
    let Some((database, store, _)) = start().await else { return };
    let mut conn = database.connect().await;
    let tables = "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (n > 0), pair int REFERENCES pair (id)); \
                  INSERT INTO t VALUES (1, 1, 1); \
                  CREATE ROLE nobody_of_consumer NOLOGIN; DROP ROLE nobody_of_consumer";
    conn.execute(tables).await.expect("a table");
    for (statement, expected) in [
        ("INSERT INTO t VALUES (1, 1, 1)", Some(Class::Transient)),
        ("INSERT INTO t VALUES (2, 1, 99)", Some(Class::Transient)),
        ("INSERT INTO t VALUES (2, 0, 1)", Some(Class::Permanent)),
        ("INSERT INTO t VALUES (2, NULL, 1)", Some(Class::Permanent)),
        ("SELECT 'x'::int", Some(Class::Permanent)),
        ("SELECT 1 / 0", Some(Class::Permanent)),
        ("SELECT * FROM missing", Some(Class::DeployWrong)),
        ("SELECT missing FROM t", Some(Class::DeployWrong)),
        ("SELECT * FROM missing.t", Some(Class::DeployWrong)),
        ("SELEC 1", Some(Class::DeployWrong)),
        ("SET statement_timeout = 50; SELECT pg_sleep(10)", Some(Class::TimeLimit)),
        ("SET lock_timeout = 50; LOCK TABLE pair", Some(Class::Conflict)),
        ("BEGIN READ ONLY; INSERT INTO t VALUES (2, 1, 1)", Some(Class::ServerAway)),
        ("DO $$ BEGIN RAISE EXCEPTION 'of the application'; END $$", None),
    ] {
        let mut rival = database.connect().await;
        rival.execute("BEGIN; LOCK TABLE pair IN ACCESS SHARE MODE").await.expect("a lock");
        let mut conn = database.connect().await;
        let error = conn.execute(statement).await.expect_err(statement);
        assert_eq!(class(&store, &error.into()), expected, "{statement}");
    }
}

#[tokio::test]
async fn an_error_is_found_in_every_shape() {
    let Some((database, store, _)) = start().await else { return };
    let mut conn = database.connect().await;
    assert_each_shape(&store, Class::DeployWrong, async || {
        conn.execute("SELECT * FROM missing").await.expect_err("no table")
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_of_values_is_no_outage() {
    let Some((_database, store, _)) = start().await else { return };
    let mut session = store.open(LIMITS).await.expect("a session");
    let mut tx = store.begin(&mut session, Extent::One).await.expect("a unit");
    let wrong = sqlx::query("SELECT $1::int + $2::int").bind(1).execute(PgConnection::lend(&mut tx)).await;
    assert_eq!(class(&store, &wrong.expect_err("one value too few").into()), Some(Class::DeployWrong));
}

#[tokio::test]
async fn an_error_of_another_database_is_not_ours() {
    let Some((_database, store, _)) = start().await else { return };
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.expect("another database");
    let error = pool.execute("SELECT * FROM missing").await.expect_err("no table");
    assert_eq!(class(&store, &error.into()), None);
}
