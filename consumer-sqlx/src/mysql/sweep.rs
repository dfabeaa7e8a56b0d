//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;

use super::{Inner, lock};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    lock::sweep(store, "processed_events", async |conn| {
        let done = sqlx::query(store.sql.sweep.clone())
            .bind(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX))
            .bind(batch)
            .execute(conn)
            .await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}
