//! The three storages: the contract, and the traps of each database.
//!
//! PostgreSQL and MySQL/MariaDB are tested where `CONSUMER_TEST_POSTGRES_URL` and `CONSUMER_TEST_MYSQL_URL` name a user
//! with all rights; each test has a database of its own.

#![cfg(all(feature = "postgres", feature = "mysql", feature = "sqlite"))]

mod chain;
mod database;
mod doctor;
mod dropped;
mod log;
mod mysql;
mod postgres;
mod published;
mod redaction;
mod sqlite;
mod unit;
