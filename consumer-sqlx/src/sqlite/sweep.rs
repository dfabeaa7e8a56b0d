//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;

use super::{Inner, lock};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let mut conn = lock::connection(&store.pool).await?;
    let _turn = store.turn.lock().await;
    let mut tx = lock::alone(&mut conn).await?;
    let rows = sqlx::query(store.sql.sweep.clone())
        .bind(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX))
        .bind(i64::from(batch))
        .execute(&mut *tx)
        .await?
        .rows_affected();
    tx.commit().await?;
    Ok(Swept { rows, more: rows == u64::from(batch) })
}
