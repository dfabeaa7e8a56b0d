//! The storages of the `consumer` crate: PostgreSQL, MySQL/MariaDB and SQLite through sqlx.
//!
//! Applications depend on the facade crate `consumer`, which re-exports [`postgres::PgStore`](postgres),
//! [`mysql::MySqlStore`](mysql) and [`sqlite::SqliteStore`](sqlite) under features of the same names.
//!
//! Three translations of one contract, in three folders with the same file names: a diff of two folders shows how two
//! databases differ. What stands beside them is the same for all.

// Without a storage this crate is its connection trait alone, and what the storages share has no caller.
#![cfg_attr(
    not(any(feature = "postgres", feature = "mysql", feature = "sqlite")),
    allow(dead_code, unused_imports, unused_macros)
)]

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod address;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod borrowed;
mod builder;
mod claims;
mod connection;
mod effect_row;
mod enrollment;
mod examination;
mod failure_row;
#[doc(hidden)]
pub mod lending;
mod link;
mod migration;
mod outbox_row;
mod published;
mod refusal;
mod savepoint;
mod stored;
mod tables;

#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use self::{builder::StoreBuilder, connection::Connection};
