//! MySQL or MariaDB.

mod borrowed;
mod classify;
mod examine;
mod failures;
mod guard;
mod limits;
mod outbox;
mod prepare;
mod session;
mod stage;

use std::sync::Arc;

use consumer_core::{
    inbox::ConsumerId,
    testing::{SuiteStorage, storage_suite},
};
use consumer_sqlx::mysql::MySqlStore;

use self::stage::Database;
use crate::unit;

#[tokio::test]
async fn conformance() {
    let Some(database) = Database::create().await else { return };
    let database = Arc::new(database);
    storage_suite(|| {
        let database = database.clone();
        async move { database.part().await }
    })
    .await;
}

/// A database, and a store whose tables are there.
async fn start() -> Option<(Database, MySqlStore, ConsumerId)> {
    let database = Database::create().await?;
    let store = database.store().await;
    let consumer = unit::start(&store).await;
    Some((database, store, consumer))
}
