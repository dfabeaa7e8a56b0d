//! The sweeper's part: records and marks that nobody needs any more.

use std::{collections::BTreeMap, time::Duration};

use consumer_core::storage::Swept;
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::super::{Inner, lock};
use crate::effect_row::{literal, span};

pub(super) async fn sweep(
    store: &Inner,
    retention: Duration,
    keep: Duration,
    batch: u32,
) -> Result<Swept, sqlx::Error> {
    let sql = &store.sql.failures;
    let batch = u64::from(batch);
    lock::sweep(store, "event_failures", async |conn| {
        let mut rows = processed(store, conn, batch).await?;
        rows += sqlx::query(sql.sweep_old.clone())
            .bind(span(retention.min(keep)))
            .bind(span(keep))
            .bind(batch.saturating_sub(rows))
            .execute(&mut *conn)
            .await?
            .rows_affected();
        sqlx::query(sql.sweep_runs.clone()).bind(span(retention)).execute(conn).await?;
        Ok(Swept { rows, more: rows == batch })
    })
    .await
}

/// Deletes records whose event is processed.
async fn processed(store: &Inner, conn: &mut MySqlConnection, batch: u64) -> Result<u64, sqlx::Error> {
    let sql = &store.sql.failures;
    let found: Vec<(i32, Vec<u8>)> =
        sqlx::query_as(sql.processed.clone()).bind(batch).fetch_all(&mut *conn).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let delete = sql.sweep_processed.replace("{records}", &records(found));
    // Whole numbers and hexadecimal digits. The server need not keep the statement.
    let done = sqlx::query(AssertSqlSafe(delete)).persistent(false).execute(conn).await?;
    Ok(done.rows_affected())
}

/// A condition that these records meet, for which the primary key can be asked.
fn records(found: Vec<(i32, Vec<u8>)>) -> String {
    let mut keys: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for (consumer, key) in found {
        keys.entry(consumer).or_default().push(literal(&key));
    }
    let each = keys
        .iter()
        .map(|(consumer, keys)| format!("consumer_id = {consumer} AND event_key IN ({})", keys.join(", ")));
    each.collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_by_consumer_and_key() {
        let text = records(vec![(1, vec![0xab]), (2, vec![1]), (1, vec![2])]);
        assert_eq!(
            text,
            "consumer_id = 1 AND event_key IN (X'AB', X'02') OR consumer_id = 2 AND event_key IN (X'01')"
        );
    }
}
