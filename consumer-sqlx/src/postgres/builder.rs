//! From a URL or a pool to a store.

use std::str::FromStr;

use consumer_core::{Error, Result};
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{PgStore, classify, migrate};
use crate::{
    address::{self, Address},
    builder::StoreBuilder,
    link::CONNECT_TIMEOUT,
    refusal::Refusal,
};

impl StoreBuilder<PgStore> {
    /// Puts the tables into this schema, which is created with them; without it they are where a new table of the role
    /// would be.
    #[must_use]
    pub fn schema(self, name: impl Into<String>) -> Self {
        self.in_schema(name)
    }

    /// Opens a pool, after trying one connection.
    ///
    /// # Errors
    /// As [`PgStore::connect`], and [`is_settings`](Error::is_settings) for a schema or prefix that cannot be used.
    pub async fn connect(self, url: &str) -> Result<PgStore> {
        let tables = self.tables()?;
        let options = PgConnectOptions::from_str(url).map_err(|_| address::malformed("postgres"))?;
        try_out(&options, &address(&options).checked("postgres")?).await?;
        let pool = PgPoolOptions::new().max_connections(self.connections()).connect_lazy_with(options);
        Ok(PgStore::new(pool, tables, self.only_verifies()))
    }

    /// Uses a pool of the application, as [`PgStore::from_pool`] does; its size counts, not `max_connections`.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a schema or prefix that cannot be used.
    pub fn from_pool(self, pool: PgPool) -> Result<PgStore> {
        Ok(PgStore::new(pool, self.tables()?, self.only_verifies()))
    }

    /// The statements that create the tables, for a person to read and run.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a schema or prefix that cannot be used.
    pub fn migrations(&self) -> Result<String> {
        Ok(migrate::script(&self.tables()?))
    }
}

pub(super) fn address(options: &PgConnectOptions) -> Address {
    Address::new(options.get_host(), options.get_port(), options.get_database())
}

/// One connection, so that a wrong URL is reported now and with its cause: a pool would try for half a minute.
pub(super) async fn try_out(options: &PgConnectOptions, address: &Address) -> Result<(), Refusal> {
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(cause)) if classify::says_no(&cause) => Err(refused(address).because(cause)),
        Ok(Err(cause)) => Err(unreachable(address).because(cause)),
        Err(elapsed) => Err(unreachable(address).because(elapsed)),
    }
}

fn refused(address: &Address) -> Refusal {
    Refusal::new(
        Error::refused,
        format!("PostgreSQL at {address} refuses the connection"),
        "check user, password, database name and TLS setting",
    )
}

fn unreachable(address: &Address) -> Refusal {
    Refusal::new(
        Error::unavailable,
        format!("PostgreSQL at {address} cannot be reached"),
        "check that it runs and that host and port are right",
    )
}
