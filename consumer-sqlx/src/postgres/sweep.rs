//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;

use super::{Inner, lock};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let mut conn = lock::connection(&store.pool).await?;
    let Some(mut tx) = lock::alone_now(&mut conn, &store.tables, "processed_events").await? else {
        return Ok(Swept::default());
    };
    let rows = sqlx::query(store.sql.sweep.clone())
        .bind(retention.as_secs_f64())
        .bind(i64::from(batch))
        .execute(&mut *tx)
        .await?
        .rows_affected();
    tx.commit().await?;
    Ok(Swept { rows, more: rows == u64::from(batch) })
}
