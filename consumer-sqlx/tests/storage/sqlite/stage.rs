//! A file of SQLite, and what a handler does in it.

use consumer_core::{
    Storage,
    storage::StorageError,
    testing::{Ending, SuiteStorage},
};
use consumer_sqlx::{Connection as _, sqlite::SqliteStore};
use sqlx::{Connection as _, Executor, SqliteConnection};
use tempfile::TempDir;

/// A file that goes with its folder.
pub(crate) struct Database {
    url: String,
    _folder: TempDir,
}

impl Database {
    /// An empty one; the handlers' table comes with the first store.
    pub(crate) fn create() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { url, _folder: folder }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn connect(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url).await.expect("a connection")
    }
}

/// Inserts a business row.
pub(crate) async fn write(conn: &mut SqliteConnection, value: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO effects (value) VALUES ($1)").bind(value).execute(conn).await.map(drop)
}

impl SuiteStorage for Database {
    type Store = SqliteStore;

    /// Nobody is there to watch the time of a process that is stopped.
    const ENDS_ABANDONED_UNITS: bool = false;

    async fn store(&self) -> SqliteStore {
        let store = SqliteStore::builder().max_connections(16).connect(&self.url).await.expect("a store");
        let table = "CREATE TABLE IF NOT EXISTS effects (value TEXT NOT NULL)";
        store.pool().execute(table).await.expect("the table of the handlers");
        store
    }

    async fn write(
        &self,
        tx: &mut <SqliteStore as Storage>::Tx<'_>,
        value: &str,
    ) -> Result<(), StorageError> {
        Ok(write(SqliteConnection::lend(tx), value).await?)
    }

    async fn fail(&self, tx: &mut <SqliteStore as Storage>::Tx<'_>) -> Result<(), StorageError> {
        SqliteConnection::lend(tx).execute("INSERT INTO effects (value) VALUES (NULL)").await?;
        Ok(())
    }

    async fn end(
        &self,
        tx: &mut <SqliteStore as Storage>::Tx<'_>,
        ending: Ending,
    ) -> Result<(), StorageError> {
        let text = match ending {
            Ending::Commit => "COMMIT",
            Ending::CommitAndBegin => "COMMIT; BEGIN",
            Ending::RollBack => "ROLLBACK",
            Ending::RollBackAndBegin => "ROLLBACK; BEGIN",
        };
        SqliteConnection::lend(tx).execute(text).await?;
        Ok(())
    }

    /// One writer at a time has nobody to wait for.
    async fn deadlock(&self, _: &mut <SqliteStore as Storage>::Tx<'_>) -> bool {
        false
    }

    async fn written(&self) -> Vec<String> {
        let mut conn = self.connect().await;
        sqlx::query_scalar("SELECT value FROM effects").fetch_all(&mut conn).await.expect("rows")
    }
}
