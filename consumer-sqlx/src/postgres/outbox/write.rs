//! Writing events, in whoever's transaction.

use consumer_core::outbox::{Lane, OutboxEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    outbox_row::{lanes, later},
    postgres::statements::Statements,
};

/// Writes events with their numbers and positions: one statement for all.
pub(in crate::postgres) async fn write(
    sql: &Statements,
    conn: &mut PgConnection,
    events: &[OutboxEvent],
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let lanes = lanes(events);
    let texts = |get: fn(&OutboxEvent) -> &str| events.iter().map(get).collect::<Vec<_>>();
    let maybe = |get: fn(&OutboxEvent) -> Option<&str>| events.iter().map(get).collect::<Vec<_>>();
    sqlx::query(sql.outbox.write.clone())
        .bind(lanes.keys().map(uuid).collect::<Vec<_>>())
        .bind(lanes.into_values().collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.id).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.lane().as_ref().map(uuid)).collect::<Vec<_>>())
        .bind(later(events))
        .bind(events.iter().map(|event| i64::from(event.version)).collect::<Vec<_>>())
        .bind(texts(|event| &event.event_type))
        .bind(maybe(|event| event.key.as_deref()))
        .bind(maybe(|event| event.exchange.as_deref()))
        .bind(texts(|event| &event.routing_key))
        .bind(texts(|event| &event.headers))
        .bind(maybe(|event| event.correlation_id.as_deref()))
        .bind(maybe(|event| event.causation_id.as_deref()))
        .bind(maybe(|event| event.traceparent.as_deref()))
        .bind(texts(|event| &event.content_type))
        .bind(events.iter().map(|event| event.data.as_ref()).collect::<Vec<&[u8]>>())
        .execute(conn)
        .await
        .map(drop)
}

fn uuid(lane: &Lane) -> Uuid {
    Uuid::from_bytes(*lane.as_bytes())
}
