//! The servers of the benchmark, as `cargo xtask bench` hands them over.

use std::{env, fmt, path::PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::cpu::Root;

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// PostgreSQL
    Postgres,
    /// MariaDB
    Mysql,
    /// SQLite
    Sqlite,
}

impl Backend {
    /// As written in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// Where the servers are, and which processes they are.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The broker's address; empty without a broker.
    pub amqp: String,
    /// The database.
    pub backend: Backend,
    /// The address of the database's administrator; for SQLite a directory.
    pub admin: String,
    /// The broker's first process, if it is ours.
    pub broker: Option<Root>,
    /// The broker's version, which it tells no client; empty without a broker.
    pub rabbitmq_version: String,
    /// The database's first process, if it is a server of ours.
    pub database: Option<Root>,
    /// `pgbench`, if the machine has it.
    pub pgbench: Option<PathBuf>,
}

impl Servers {
    /// What the environment says.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn from_environment(backend: Backend) -> Result<Self> {
        let database = Self::without_broker(backend)?;
        Ok(Self {
            amqp: text("CONSUMER_TEST_AMQP_URL")?,
            broker: root("CONSUMER_BENCH_RABBITMQ_PID"),
            rabbitmq_version: text("CONSUMER_BENCH_RABBITMQ_VERSION")?,
            ..database
        })
    }

    /// The database alone.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn without_broker(backend: Backend) -> Result<Self> {
        let (admin, database) = match backend {
            Backend::Postgres => (text("CONSUMER_TEST_POSTGRES_URL")?, root("CONSUMER_BENCH_POSTGRES_PID")),
            Backend::Mysql => (text("CONSUMER_TEST_MYSQL_URL")?, root("CONSUMER_BENCH_MYSQL_PID")),
            Backend::Sqlite => (text("CONSUMER_BENCH_DIR")?, None),
        };
        Ok(Self {
            amqp: String::new(),
            backend,
            admin,
            broker: None,
            rabbitmq_version: String::new(),
            database,
            pgbench: env::var_os("CONSUMER_BENCH_PGBENCH").map(PathBuf::from),
        })
    }
}

fn text(name: &str) -> Result<String> {
    let text = env::var(name).ok().filter(|text| !text.is_empty());
    text.with_context(|| {
        format!("`{name}` is not set; start this with `cargo xtask bench` or `bench-claims`")
    })
}

fn root(name: &str) -> Option<Root> {
    env::var(name).ok()?.parse().ok().map(Root)
}
