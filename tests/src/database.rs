//! A fresh database for one test.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use consumer::sqlx::{self, AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use crate::servers;

/// A database of a test's own; left on a server that the tooling throws away, an SQLite file goes with its folder.
pub struct Database {
    url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// On PostgreSQL, if a test may use one.
    pub async fn postgres() -> Option<Self> {
        let server = servers::need(servers::POSTGRES)?;
        let name = fresh_name();
        let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL of the tests");
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut admin).await.expect("a fresh database");
        Some(Self { url: with_database(&server, &name), _folder: None })
    }

    /// On MariaDB or MySQL, if a test may use one.
    pub async fn mysql() -> Option<Self> {
        let server = servers::need(servers::MYSQL)?;
        let name = fresh_name();
        let mut admin = MySqlConnection::connect(&server).await.expect("MariaDB of the tests");
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut admin).await.expect("a fresh database");
        Some(Self { url: with_database(&server, &name), _folder: None })
    }

    /// In an SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let file = folder.path().join("test.db");
        Self { url: format!("sqlite://{}", file.display()), _folder: Some(folder) }
    }
}

/// A name that no other test has, on this machine and within this process.
pub fn fresh_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    format!("t{}_{:x}", std::process::id(), since.as_nanos() & 0xffff_ffff_ffff)
}

/// The URL of a server with its path replaced.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_once('?').map_or((server, None), |(a, q)| (a, Some(q)));
    let authority = address.find("://").map_or(0, |scheme| scheme + 3);
    let end = address[authority..].find('/').map_or(address.len(), |slash| authority + slash);
    let query = query.map(|q| format!("?{q}")).unwrap_or_default();
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_path_of_a_url_is_replaced() {
        assert_eq!(
            with_database("postgres://u:p@h:5/postgres?sslmode=disable", "t"),
            "postgres://u:p@h:5/t?sslmode=disable"
        );
        assert_eq!(with_database("mysql://u@h", "t"), "mysql://u@h/t");
    }
}
