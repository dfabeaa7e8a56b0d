//! What an error means, by its number.

use consumer_core::{Class, testing::SuiteStorage};
use sqlx::Executor;

use super::start;
use crate::{chain::assert_each_shape, unit::class};

#[tokio::test]
async fn errors_are_classified_by_number() {
    let Some((database, store, _)) = start().await else { return };
    let mut conn = database.connect().await;
    let tables = "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL CHECK (n > 0), s VARCHAR(3), pair INT, \
                  FOREIGN KEY (pair) REFERENCES pair (id)) ENGINE = InnoDB; \
                  INSERT INTO t VALUES (1, 1, 'a', 1)";
    conn.execute(tables).await.expect("a table");
    let mut rival = database.connect().await;
    rival.execute("START TRANSACTION; UPDATE pair SET n = 1").await.expect("a lock");
    for (statement, expected) in [
        ("INSERT INTO t VALUES (1, 1, 'a', NULL)", Some(Class::Transient)),
        ("SET innodb_lock_wait_timeout = 1; UPDATE pair SET n = 2", Some(Class::Conflict)),
        ("INSERT INTO t VALUES (2, 0, 'a', NULL)", Some(Class::Permanent)),
        ("INSERT INTO t VALUES (2, NULL, 'a', NULL)", Some(Class::Permanent)),
        (
            "SET sql_mode = 'STRICT_ALL_TABLES'; INSERT INTO t VALUES (2, 1, 'long', NULL)",
            Some(Class::Permanent),
        ),
        (
            "SET sql_mode = 'STRICT_ALL_TABLES'; INSERT INTO t VALUES (2, 'x', 'a', NULL)",
            Some(Class::Permanent),
        ),
        ("SELECT * FROM missing", Some(Class::DeployWrong)),
        ("SELECT missing FROM t", Some(Class::DeployWrong)),
        ("SELECT missing()", Some(Class::DeployWrong)),
        ("SELEC 1", Some(Class::DeployWrong)),
        ("START TRANSACTION READ ONLY; INSERT INTO t VALUES (2, 1, 'a', NULL)", Some(Class::ServerAway)),
        ("SIGNAL SQLSTATE '45000'", None),
    ] {
        let mut conn = database.connect().await;
        let error = conn.execute(statement).await.expect_err(statement);
        assert_eq!(class(&store, &error.into()), expected, "{statement}");
    }
    rival.execute("ROLLBACK").await.expect("the rival ends");
    let error = conn.execute("INSERT INTO t VALUES (2, 1, 'a', 99)").await.expect_err("no such pair");
    assert_eq!(class(&store, &error.into()), Some(Class::Transient));
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

/// The driver notices it before the server does, and calls it a broken protocol.
#[tokio::test]
async fn a_wrong_number_of_values_is_no_outage() {
    let Some((database, store, _)) = start().await else { return };
    let mut conn = database.connect().await;
    let wrong = sqlx::query("SELECT ?").bind(1).bind(2).execute(&mut conn).await;
    assert_eq!(class(&store, &wrong.expect_err("one value too many").into()), Some(Class::DeployWrong));
    let _ = database.written().await;
}
