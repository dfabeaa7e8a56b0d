//! A database of MySQL or MariaDB, and what a handler does in it.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::StorageError,
    testing::{Ending, SuiteStorage},
};
use consumer_sqlx::{Connection as _, mysql::MySqlStore};
use sqlx::{AssertSqlSafe, Connection as _, Executor, MySqlConnection, mysql::MySqlDatabaseError};

use crate::database;

/// A database that goes when it is dropped.
pub(crate) struct Database {
    server: String,
    /// Of the database to drop.
    name: Option<String>,
    url: String,
    prefix: String,
}

impl Database {
    pub(crate) async fn create() -> Option<Self> {
        let server = database::server("CONSUMER_TEST_MYSQL_URL")?;
        let name = database::fresh_name();
        let mut admin = MySqlConnection::connect(&server).await.expect("MySQL or MariaDB");
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
        let url = database::with_database(&server, &name);
        let database = Self { url, server, name: Some(name), prefix: String::new() };
        let tables = "CREATE TABLE effects (value VARCHAR(4096) CHARACTER SET utf8mb4 NOT NULL) ENGINE = InnoDB; \
                      CREATE TABLE pair (id INT PRIMARY KEY, n INT) ENGINE = InnoDB; \
                      INSERT INTO pair VALUES (1, 0), (2, 0); \
                      CREATE TABLE ballast (n INT) ENGINE = InnoDB";
        database.connect().await.execute(tables).await.expect("the tables of the handlers");
        Some(database)
    }

    /// A part of this database with claims and effects of its own, which costs less than another and goes with it.
    pub(crate) async fn part(&self) -> Self {
        let prefix = format!("{}_", database::fresh_name());
        let create = AssertSqlSafe(format!("CREATE TABLE {prefix}effects LIKE effects"));
        self.connect().await.execute(create).await.expect("the table of the handlers");
        Self { server: self.server.clone(), name: None, url: self.url.clone(), prefix }
    }

    fn effects(&self) -> String {
        format!("{}effects", self.prefix)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url).await.expect("a connection")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, Some(name)) = (self.server.clone(), self.name.take()) else { return };
        database::finally(async move || {
            let Ok(mut admin) = MySqlConnection::connect(&server).await else { return };
            let drop = format!("SET lock_wait_timeout = 5; DROP DATABASE {name}");
            let _ = admin.execute(AssertSqlSafe(drop)).await;
        });
    }
}

/// Inserts a business row.
pub(crate) async fn write(conn: &mut MySqlConnection, value: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO effects (value) VALUES (?)").bind(value).execute(conn).await.map(drop)
}

/// The number of a server's error.
pub(crate) fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?;
    Some(error.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

impl SuiteStorage for Database {
    type Store = MySqlStore;

    async fn store(&self) -> MySqlStore {
        let builder = MySqlStore::builder().table_prefix(&self.prefix).max_connections(16);
        builder.connect(&self.url).await.expect("a store")
    }

    async fn write(&self, tx: &mut <MySqlStore as Storage>::Tx<'_>, value: &str) -> Result<(), StorageError> {
        let insert = AssertSqlSafe(format!("INSERT INTO {} (value) VALUES (?)", self.effects()));
        sqlx::query(insert).bind(value).execute(MySqlConnection::lend(tx)).await?;
        Ok(())
    }

    async fn fail(&self, tx: &mut <MySqlStore as Storage>::Tx<'_>) -> Result<(), StorageError> {
        MySqlConnection::lend(tx).execute("INSERT INTO pair VALUES (1, 0)").await?;
        Ok(())
    }

    async fn end(
        &self,
        tx: &mut <MySqlStore as Storage>::Tx<'_>,
        ending: Ending,
    ) -> Result<(), StorageError> {
        let text = match ending {
            Ending::Commit => "COMMIT",
            Ending::CommitAndBegin => "COMMIT; START TRANSACTION",
            Ending::RollBack => "ROLLBACK",
            Ending::RollBackAndBegin => "ROLLBACK; START TRANSACTION",
        };
        MySqlConnection::lend(tx).execute(text).await?;
        Ok(())
    }

    /// The lighter one gives up: the rival has written more.
    async fn deadlock(&self, tx: &mut <MySqlStore as Storage>::Tx<'_>) -> bool {
        let ours = MySqlConnection::lend(tx);
        let mut rival = self.connect().await;
        let ballast = vec!["(0)"; 100].join(", ");
        let begin = format!(
            "START TRANSACTION; INSERT INTO ballast VALUES {ballast}; UPDATE pair SET n = n + 1 WHERE id = 2"
        );
        rival.execute(AssertSqlSafe(begin)).await.expect("a lock");
        ours.execute("UPDATE pair SET n = n + 1 WHERE id = 1").await.expect("a lock");
        let (_, victim) = tokio::join!(rival.execute("UPDATE pair SET n = n + 1 WHERE id = 1"), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ours.execute("UPDATE pair SET n = n + 1 WHERE id = 2").await
        });
        rival.execute("ROLLBACK").await.expect("the rival goes on");
        assert_eq!(number(&victim.expect_err("a deadlock has a victim")), Some(1213));
        true
    }

    async fn written(&self) -> Vec<String> {
        let mut conn = self.connect().await;
        let select = AssertSqlSafe(format!("SELECT value FROM {}", self.effects()));
        sqlx::query_scalar(select).fetch_all(&mut conn).await.expect("rows")
    }
}
