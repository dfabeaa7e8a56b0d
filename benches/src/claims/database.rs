//! What is done to a database beside claims: filling it, and asking how large it is.

use anyhow::Result;
use consumer_core::{inbox::Claim, storage::Storage};
use serde::{Deserialize, Serialize};

/// The claim table, as the library's migrations name it.
pub(super) const TABLE: &str = "processed_events";

/// A database with a store in it.
pub(super) trait Database: Sized {
    type Store: Storage;

    /// Connects; the tables are not there yet.
    async fn open(url: &str) -> Result<Self>;

    fn store(&self) -> &Self::Store;

    /// Adds rows by the fastest means there is.
    async fn add(&mut self, rows: &[Row]) -> Result<()>;

    /// Does now what would otherwise be done some time after so many inserts.
    async fn settle(&mut self) -> Result<()>;

    /// How large the claim table is.
    async fn size(&mut self) -> Result<Size>;

    /// How much of it the database keeps in memory, in words.
    async fn memory(&mut self) -> Result<String>;

    async fn close(self) -> Result<()>;
}

/// A row of the claim table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) claim: Claim,
    /// When it was processed, in microseconds since 1970.
    pub(super) at_us: i64,
}

/// Bytes of the claim table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Of the rows themselves; where the primary key holds the rows, of the primary key.
    pub table: u64,
    /// Of all other indexes.
    pub indexes: u64,
}

impl Size {
    pub(super) fn bytes(&self) -> f64 {
        (self.table + self.indexes) as f64
    }
}
