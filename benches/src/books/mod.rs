//! The books: a fresh database for each run, and whether it holds what it should afterwards.

mod audit;
mod mysql;
mod postgres;
mod sqlite;

use anyhow::{Context, Result};
use uuid::Uuid;

use crate::{
    payment::Payment,
    servers::{Backend, Servers},
};

/// The database of one run.
#[derive(Debug)]
pub struct Books {
    backend: Backend,
    admin: String,
    name: String,
    url: String,
}

/// What is in it.
#[derive(Debug, Default, PartialEq)]
struct Entries {
    /// Id, account, cents.
    payments: Vec<(Uuid, i64, i64)>,
    /// Account, cents.
    balances: Vec<(i64, i64)>,
}

impl Books {
    /// A database of its own, with the tables of the business.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn open(servers: &Servers) -> Result<Self> {
        let (admin, name) = (servers.admin.clone(), format!("bench_{:08x}", fastrand::u32(..)));
        let url = match servers.backend {
            Backend::Postgres => postgres::create(&admin, &name).await,
            Backend::Mysql => mysql::create(&admin, &name).await,
            Backend::Sqlite => sqlite::create(&admin, &name).await,
        };
        let url = url.with_context(|| format!("{} makes no database", servers.backend))?;
        Ok(Self { backend: servers.backend, admin, name, url })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether each payment that had to be taken is booked once, no other is, and the balances are right.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn check(&self, published: &[Payment]) -> Result<()> {
        let entries = match self.backend {
            Backend::Postgres => postgres::read(&self.url).await,
            Backend::Mysql => mysql::read(&self.url).await,
            Backend::Sqlite => sqlite::read(&self.url).await,
        };
        audit::audit(published, &entries.context("the books cannot be read")?)
    }

    /// Deadlocks that the database has counted so far, here or, on MariaDB, anywhere in the server. SQLite has none: one
    /// writes at a time.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn deadlocks(&self) -> Result<u64> {
        Ok(match self.backend {
            Backend::Postgres => postgres::deadlocks(&self.url).await?,
            Backend::Mysql => mysql::deadlocks(&self.url).await?,
            Backend::Sqlite => 0,
        })
    }

    /// Deletes it.
    ///
    /// # Errors
    /// When the database refuses, such as while a connection is still open.
    pub async fn close(self) -> Result<()> {
        match self.backend {
            Backend::Postgres => postgres::drop(&self.admin, &self.name).await?,
            Backend::Mysql => mysql::drop(&self.admin, &self.name).await?,
            Backend::Sqlite => sqlite::drop(&self.admin, &self.name)?,
        }
        Ok(())
    }
}

/// The URL of a server with its path replaced.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').map_or((server, ""), |(address, query)| (address, query));
    let base = address.rsplit_once('/').map_or(address, |(base, _)| base);
    if query.is_empty() { format!("{base}/{name}") } else { format!("{base}/{name}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_path_of_a_url_is_replaced() {
        assert_eq!(with_database("mysql://u:p@h:5/mysql", "b"), "mysql://u:p@h:5/b");
        assert_eq!(with_database("postgres://h/x?sslmode=disable", "b"), "postgres://h/b?sslmode=disable");
    }
}
