//! A database of PostgreSQL, and what a handler does in it.

use std::time::Duration;

use consumer_core::{
    Storage,
    storage::StorageError,
    testing::{Ending, SuiteStorage},
};
use consumer_sqlx::{Connection as _, postgres::PgStore};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};

use crate::database;

/// A database that goes when it is dropped.
pub(crate) struct Database {
    server: String,
    /// Of the database to drop.
    name: Option<String>,
    url: String,
}

impl Database {
    pub(crate) async fn create() -> Option<Self> {
        let server = database::server("CONSUMER_TEST_POSTGRES_URL")?;
        let name = database::fresh_name();
        let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL");
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
        let database = Self { url: database::with_database(&server, &name), server, name: Some(name) };
        database.connect().await.execute(TABLES).await.expect("the tables of the handlers");
        Some(database)
    }

    /// A schema of its own in this database, which costs a tenth of a database and goes with it.
    pub(crate) async fn schema(&self) -> Self {
        let name = database::fresh_name();
        let mut admin = self.connect().await;
        let create = format!("CREATE SCHEMA {name}; SET search_path = {name}; {TABLES}");
        admin.execute(AssertSqlSafe(create)).await.expect("a schema");
        let url =
            format!("{}?options=-c%20search_path%3D{name}", self.url.split('?').next().unwrap_or_default());
        Self { url, server: self.server.clone(), name: None }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("a connection")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, Some(name)) = (self.server.clone(), self.name.take()) else { return };
        database::finally(async move || {
            let Ok(mut admin) = PgConnection::connect(&server).await else { return };
            let _ = admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await;
        });
    }
}

const TABLES: &str = "CREATE TABLE effects (value text NOT NULL); CREATE TABLE pair (id int PRIMARY KEY, n int); \
                      INSERT INTO pair VALUES (1, 0), (2, 0)";

/// Inserts a business row.
pub(crate) async fn write(conn: &mut PgConnection, value: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO effects (value) VALUES ($1)").bind(value).execute(conn).await.map(drop)
}

impl SuiteStorage for Database {
    type Store = PgStore;

    async fn store(&self) -> PgStore {
        PgStore::builder().max_connections(16).connect(&self.url).await.expect("a store")
    }

    async fn write(&self, tx: &mut <PgStore as Storage>::Tx<'_>, value: &str) -> Result<(), StorageError> {
        Ok(write(PgConnection::lend(tx), value).await?)
    }

    async fn fail(&self, tx: &mut <PgStore as Storage>::Tx<'_>) -> Result<(), StorageError> {
        PgConnection::lend(tx).execute("INSERT INTO effects (value) VALUES (NULL)").await?;
        Ok(())
    }

    async fn end(&self, tx: &mut <PgStore as Storage>::Tx<'_>, ending: Ending) -> Result<(), StorageError> {
        let text = match ending {
            Ending::Commit => "COMMIT",
            Ending::CommitAndBegin => "COMMIT; BEGIN",
            Ending::RollBack => "ROLLBACK",
            Ending::RollBackAndBegin => "ROLLBACK; BEGIN",
        };
        PgConnection::lend(tx).execute(text).await?;
        Ok(())
    }

    /// Whoever waits for `deadlock_timeout` first, finds the circle and gives up.
    async fn deadlock(&self, tx: &mut <PgStore as Storage>::Tx<'_>) -> bool {
        let ours = PgConnection::lend(tx);
        let mut rival = self.connect().await;
        rival
            .execute("SET deadlock_timeout = '10s'; BEGIN; UPDATE pair SET n = 1 WHERE id = 2")
            .await
            .expect("a lock");
        ours.execute("SET LOCAL deadlock_timeout = '50ms'; UPDATE pair SET n = 1 WHERE id = 1")
            .await
            .expect("a lock");
        let (_, victim) = tokio::join!(rival.execute("UPDATE pair SET n = 1 WHERE id = 1"), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ours.execute("UPDATE pair SET n = 1 WHERE id = 2").await
        });
        rival.execute("ROLLBACK").await.expect("the rival goes on");
        let error = victim.expect_err("a deadlock has a victim");
        assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("40P01"));
        true
    }

    async fn written(&self) -> Vec<String> {
        let mut conn = self.connect().await;
        sqlx::query_scalar("SELECT value FROM effects").fetch_all(&mut conn).await.expect("rows")
    }
}
