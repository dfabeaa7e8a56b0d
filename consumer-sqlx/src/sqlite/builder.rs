//! From a URL or a pool to a store.

use std::{path::Path, str::FromStr};

use consumer_core::{Error, Result};
use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteStore, limits::BUSY_TIMEOUT, migrate};
use crate::{builder::StoreBuilder, link::CONNECT_TIMEOUT, refusal::Refusal};

impl StoreBuilder<SqliteStore> {
    /// Opens a file, creating it if it is not there, in WAL mode and with `synchronous = FULL`.
    ///
    /// # Errors
    /// As [`SqliteStore::connect`], and [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub async fn connect(self, url: &str) -> Result<SqliteStore> {
        let tables = self.tables()?;
        let options = options(url)?;
        try_out(&options).await?;
        let pool = SqlitePoolOptions::new().max_connections(self.connections()).connect_lazy_with(options);
        Ok(SqliteStore::new(pool, tables, self.only_verifies()))
    }

    /// Uses a pool of the application, as [`SqliteStore::from_pool`] does; its size counts, not `max_connections`.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub fn from_pool(self, pool: SqlitePool) -> Result<SqliteStore> {
        Ok(SqliteStore::new(pool, self.tables()?, self.only_verifies()))
    }

    /// The statements that create the tables, for a person to read and run.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub fn migrations(&self) -> Result<String> {
        Ok(migrate::script(&self.tables()?))
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url).map_err(|cause| {
        Error::settings("the database URL cannot be read: sqlite:path/to/file.db is expected").because(cause)
    })?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    // A URL that says how to open the file is obeyed.
    Ok(if url.contains("mode=") { options } else { options.create_if_missing(true) })
}

/// One connection, so that a wrong path is reported now and with its cause.
pub(super) async fn try_out(options: &SqliteConnectOptions) -> Result<(), Refusal> {
    match tokio::time::timeout(CONNECT_TIMEOUT, SqliteConnection::connect_with(options)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(cause)) => Err(unreachable(options.get_filename()).because(cause)),
        Err(elapsed) => Err(unreachable(options.get_filename()).because(elapsed)),
    }
}

fn unreachable(file: &Path) -> Refusal {
    Refusal::new(
        Error::unavailable,
        format!("the SQLite file {} cannot be opened", file.display()),
        "check that its directory is there and may be written to",
    )
}
