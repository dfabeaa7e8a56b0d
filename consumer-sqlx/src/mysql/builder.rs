//! From a URL or a pool to a store.

use std::str::FromStr;

use consumer_core::{Error, Result};
use sqlx::{
    Connection, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

use super::{MySqlStore, classify, migrate};
use crate::{
    address::{self, Address},
    builder::StoreBuilder,
    link::CONNECT_TIMEOUT,
    refusal::Refusal,
};

impl StoreBuilder<MySqlStore> {
    /// Opens a pool, after trying one connection.
    ///
    /// # Errors
    /// As [`MySqlStore::connect`], and [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub async fn connect(self, url: &str) -> Result<MySqlStore> {
        let tables = self.tables()?;
        let options = MySqlConnectOptions::from_str(url).map_err(|_| address::malformed("mysql"))?;
        let address = address(&options).checked("mysql")?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(Error::settings(format!(
                "the database URL names no database: {address} wants one at its end"
            )));
        }
        try_out(&options, &address).await?;
        let pool = MySqlPoolOptions::new().max_connections(self.connections()).connect_lazy_with(options);
        Ok(MySqlStore::new(pool, tables, self.only_verifies()))
    }

    /// Uses a pool of the application, as [`MySqlStore::from_pool`] does; its size counts, not `max_connections`.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub fn from_pool(self, pool: MySqlPool) -> Result<MySqlStore> {
        Ok(MySqlStore::new(pool, self.tables()?, self.only_verifies()))
    }

    /// The statements that create the tables, for a person to read and run.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) for a prefix that cannot be used.
    pub fn migrations(&self) -> Result<String> {
        Ok(migrate::script(&self.tables()?))
    }
}

pub(super) fn address(options: &MySqlConnectOptions) -> Address {
    Address::new(options.get_host(), options.get_port(), options.get_database())
}

/// One connection, so that a wrong URL is reported now and with its cause: a pool would try for half a minute.
pub(super) async fn try_out(options: &MySqlConnectOptions, address: &Address) -> Result<(), Refusal> {
    match tokio::time::timeout(CONNECT_TIMEOUT, MySqlConnection::connect_with(options)).await {
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
        format!("the MySQL or MariaDB server at {address} refuses the connection"),
        "check user, password, database name and TLS setting",
    )
}

fn unreachable(address: &Address) -> Refusal {
    Refusal::new(
        Error::unavailable,
        format!("the MySQL or MariaDB server at {address} cannot be reached"),
        "check that it runs and that host and port are right",
    )
}
