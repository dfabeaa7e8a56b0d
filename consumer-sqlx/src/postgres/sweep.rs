//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;

use super::{Inner, lock, pass};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let mut conn = lock::connection(&store.pool).await?;
    let Some(mut tx) = lock::alone_now(&mut conn, &store.tables, "processed_events").await? else {
        return Ok(Swept::default());
    };
    let Some(stretch) = pass::look(&store.sql, &mut tx).await?.stretch(retention, batch) else {
        return Ok(Swept::default());
    };
    let (rows, last): (i64, Option<i64>) = sqlx::query_as(store.sql.sweep.clone())
        .bind(retention.as_secs_f64())
        .bind(i64::from(batch))
        .bind(stretch.from)
        .bind(stretch.to)
        .fetch_one(&mut *tx)
        .await?;
    // Where the batch was full, its last page may hold more.
    let next = last.filter(|_| rows == i64::from(batch)).or(stretch.next);
    pass::note(&store.sql, &mut tx, stretch.place, next).await?;
    tx.commit().await?;
    Ok(Swept { rows: rows.unsigned_abs(), more: next.is_some() })
}
