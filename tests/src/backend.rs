//! The databases, for tests that run on each of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::database::Database;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backend {
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::MySql, Self::Sqlite];

    /// A fresh database, if a test may use one.
    pub async fn database(self) -> Option<Database> {
        match self {
            Self::Postgres => Database::postgres().await,
            Self::MySql => Database::mysql().await,
            Self::Sqlite => Some(Database::sqlite()),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        })
    }
}
