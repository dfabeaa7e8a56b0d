//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;

use super::{Inner, lock, statements::run};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let Some(mut alone) = lock::alone_now(&store.pool, &store.tables, "processed_events").await? else {
        return Ok(Swept::default());
    };
    run(&mut alone.conn, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    let rows = sqlx::query(store.sql.sweep.clone())
        .bind(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX))
        .bind(batch)
        .execute(&mut *alone.conn)
        .await?
        .rows_affected();
    alone.release().await?;
    Ok(Swept { rows, more: rows == u64::from(batch) })
}
