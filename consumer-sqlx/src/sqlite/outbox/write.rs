//! Writing events, in whoever's transaction.

use consumer_core::outbox::{Lane, OutboxEvent};
use sqlx::SqliteConnection;

use crate::sqlite::statements::Statements;

/// Writes events with their numbers and positions, one after the other: there is no way to a server to be saved.
pub(in crate::sqlite) async fn write(
    sql: &Statements,
    conn: &mut SqliteConnection,
    events: &[OutboxEvent],
) -> Result<(), sqlx::Error> {
    for event in events {
        let lane = event.lane();
        let number = match &lane {
            Some(lane) => Some(count(sql, conn, lane).await?),
            None => None,
        };
        insert(sql, conn, event, lane, number).await?;
    }
    Ok(())
}

async fn count(sql: &Statements, conn: &mut SqliteConnection, lane: &Lane) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql.outbox.count.clone()).bind(lane.as_bytes().as_slice()).fetch_one(conn).await
}

async fn insert(
    sql: &Statements,
    conn: &mut SqliteConnection,
    event: &OutboxEvent,
    lane: Option<Lane>,
    number: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.outbox.write.clone())
        .bind(event.id.to_string())
        .bind(lane.as_ref().map(|lane| lane.as_bytes().as_slice()))
        .bind(number)
        .bind(i64::from(event.version))
        .bind(&event.event_type)
        .bind(event.key.as_deref())
        .bind(event.exchange.as_deref())
        .bind(&event.routing_key)
        .bind(&event.headers)
        .bind(event.correlation_id.as_deref())
        .bind(event.causation_id.as_deref())
        .bind(event.traceparent.as_deref())
        .bind(&event.content_type)
        .bind(event.data.as_ref())
        .execute(conn)
        .await
        .map(drop)
}
