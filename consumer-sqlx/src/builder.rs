//! What can be configured about a store, the same for each database.

use std::{fmt, marker::PhantomData};

use consumer_core::Result;

use crate::tables::Tables;

/// Connections of a store that opens its own pool: three consumers of eight workers each, with some to spare.
const DEFAULT_MAX_CONNECTIONS: u32 = 32;

/// Builds a store: where its tables are, how many connections it opens, and whether it may create tables.
///
/// `PgStore::builder()`, `MySqlStore::builder()` and `SqliteStore::builder()` start one; `connect` and `from_pool` end
/// it.
#[derive(Clone)]
pub struct StoreBuilder<S> {
    schema: Option<String>,
    prefix: String,
    max_connections: u32,
    verify_only: bool,
    store: PhantomData<fn() -> S>,
}

impl<S> StoreBuilder<S> {
    pub(crate) fn new() -> Self {
        Self {
            schema: None,
            prefix: String::new(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            verify_only: false,
            store: PhantomData,
        }
    }

    /// Puts the tables into this schema, which is created with them; without it they are where a new table of the role
    /// would be.
    #[cfg(feature = "postgres")]
    pub(crate) fn in_schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// Puts this in front of each table's name, such as `acme_`: at most 40 of `a-z`, `0-9` and `_`.
    ///
    /// Two installations with different prefixes know nothing of each other: an event takes effect once in each.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections `connect` opens at most; 32 unless this says otherwise. Each worker of a consumer holds one
    /// for itself, and one is left for migrations and sweeping.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(2);
        self
    }

    /// Never creates or alters a table: where one is missing or old, starting up fails and says what to do. For roles
    /// that have no right to.
    #[must_use]
    pub fn verify_only(mut self) -> Self {
        self.verify_only = true;
        self
    }

    pub(crate) fn tables(&self) -> Result<Tables> {
        Tables::new(self.schema.as_deref(), &self.prefix)
    }

    pub(crate) fn connections(&self) -> u32 {
        self.max_connections
    }

    pub(crate) fn only_verifies(&self) -> bool {
        self.verify_only
    }
}

impl<S> fmt::Debug for StoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBuilder")
            .field("schema", &self.schema)
            .field("table_prefix", &self.prefix)
            .field("max_connections", &self.max_connections)
            .field("verify_only", &self.verify_only)
            .finish()
    }
}
