//! The sweeper's part: claims that nobody can ask for any more.

use std::time::Duration;

use consumer_core::storage::Swept;
use sqlx::PgConnection;

use super::{Inner, lock, pass, statements::Statements};

pub(super) async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    lock::sweep(store, "processed_events", async |conn| go_on(&store.sql, conn, retention, batch).await).await
}

/// Goes on with the pass, or begins the next.
async fn go_on(
    sql: &Statements,
    conn: &mut PgConnection,
    retention: Duration,
    batch: u32,
) -> Result<Swept, sqlx::Error> {
    let Some(stretch) = pass::look(sql, conn).await?.stretch(retention, batch) else {
        return Ok(Swept::default());
    };
    let (rows, last): (i64, Option<i64>) = sqlx::query_as(sql.sweep.clone())
        .bind(retention.as_secs_f64())
        .bind(i64::from(batch))
        .bind(stretch.from)
        .bind(stretch.to)
        .fetch_one(&mut *conn)
        .await?;
    // Where the batch was full, its last page may hold more.
    let next = last.filter(|_| rows == i64::from(batch)).or(stretch.next);
    pass::note(sql, conn, stretch.place, next).await?;
    Ok(Swept { rows: rows.unsigned_abs(), more: next.is_some() })
}
