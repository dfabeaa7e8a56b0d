//! MySQL or MariaDB.

mod classify;
mod guard;
mod limits;
mod prepare;
mod session;
mod stage;

use consumer_core::{
    inbox::ConsumerId,
    testing::{SuiteStorage, storage_suite},
};
use consumer_sqlx::mysql::MySqlStore;

use self::stage::Database;
use crate::unit;

#[tokio::test]
async fn conformance() {
    if Database::create().await.is_some() {
        storage_suite(|| async { Database::create().await.expect("the server is still there") }).await;
    }
}

/// A database, and a store whose tables are there.
async fn start() -> Option<(Database, MySqlStore, ConsumerId)> {
    let database = Database::create().await?;
    let store = database.store().await;
    let consumer = unit::start(&store).await;
    Some((database, store, consumer))
}
