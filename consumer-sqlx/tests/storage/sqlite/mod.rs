//! SQLite.

mod borrowed;
mod classify;
mod examine;
mod failures;
mod guard;
mod limits;
mod outbox;
mod prepare;
mod stage;
mod turn;

use consumer_core::{
    inbox::ConsumerId,
    testing::{SuiteStorage, storage_suite},
};
use consumer_sqlx::sqlite::SqliteStore;

use self::stage::Database;
use crate::unit;

#[tokio::test]
async fn conformance() {
    storage_suite(|| async { Database::create() }).await;
}

/// A file, and a store whose tables are there.
async fn start() -> (Database, SqliteStore, ConsumerId) {
    let database = Database::create();
    let store = database.store().await;
    let consumer = unit::start(&store).await;
    (database, store, consumer)
}
