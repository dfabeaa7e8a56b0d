//! What an error means, by its extended code.

use consumer_core::{Class, testing::SuiteStorage};
use sqlx::Executor;

use super::start;
use crate::{chain::assert_each_shape, unit::class};

#[tokio::test]
async fn errors_are_classified_by_code() {
    let (database, store, _) = start().await;
    let mut conn = database.connect().await;
    let tables = "CREATE TABLE pair (id INTEGER PRIMARY KEY); INSERT INTO pair VALUES (1); \
                  CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0), s TEXT UNIQUE, \
                  pair INTEGER REFERENCES pair (id)) STRICT; INSERT INTO t VALUES (1, 1, 'a', 1)";
    conn.execute(tables).await.expect("tables");
    for (statement, expected) in [
        ("INSERT INTO t VALUES (1, 1, 'b', 1)", Some(Class::Transient)),
        ("INSERT INTO t VALUES (2, 1, 'a', 1)", Some(Class::Transient)),
        ("INSERT INTO t VALUES (2, 1, 'b', 99)", Some(Class::Transient)),
        ("INSERT INTO t VALUES (2, 0, 'b', 1)", Some(Class::Permanent)),
        ("INSERT INTO t VALUES (2, NULL, 'b', 1)", Some(Class::Permanent)),
        ("INSERT INTO t VALUES (2, 'x', 'b', 1)", Some(Class::Permanent)),
        ("SELECT * FROM missing", Some(Class::DeployWrong)),
        ("SELECT missing FROM t", Some(Class::DeployWrong)),
        ("INSERT INTO t (missing) VALUES (1)", Some(Class::DeployWrong)),
        ("SELECT missing()", Some(Class::DeployWrong)),
        ("SELEC 1", Some(Class::DeployWrong)),
        ("PRAGMA query_only = 1; DELETE FROM t", Some(Class::DeployWrong)),
        ("PRAGMA query_only = 0; PRAGMA busy_timeout = 0; BEGIN IMMEDIATE", Some(Class::Conflict)),
    ] {
        let mut rival = database.connect().await;
        if statement.contains("busy") {
            rival.execute("BEGIN IMMEDIATE").await.expect("the write lock");
        }
        let error = conn.execute(statement).await.expect_err(statement);
        assert_eq!(class(&store, &error.into()), expected, "{statement}");
    }
}

#[tokio::test]
async fn an_error_is_found_in_every_shape() {
    let (database, store, _) = start().await;
    let mut conn = database.connect().await;
    assert_each_shape(&store, Class::DeployWrong, async || {
        conn.execute("SELECT * FROM missing").await.expect_err("no table")
    })
    .await;
    let _ = database.written().await;
}
