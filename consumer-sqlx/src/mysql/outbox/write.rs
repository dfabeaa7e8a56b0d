//! Writing events, in whoever's transaction.

use std::collections::BTreeMap;

use consumer_core::outbox::{Lane, OutboxEvent};
use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::{
    mysql::statements::Statements,
    outbox_row::{lanes, later},
};

/// Rows of one insert. The server keeps a statement for each size, so there are few: up to this one, and this one.
const BATCH: usize = 16;

/// A row of the table of lanes, and what happens where there is one.
const LANE: &str = "(?, ?)";
const COUNT: &str = "ON DUPLICATE KEY UPDATE number = number + VALUES(number)";

/// A row of the outbox. Its number is read where it was just written: the row is ours until the commit.
const EVENT: &str = "(?, ?, (SELECT k.number FROM {keys} k WHERE k.lane = ?) - ?, UTC_TIMESTAMP(6), \
                     ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Writes events with their numbers and positions.
pub(in crate::mysql) async fn write(
    sql: &Statements,
    conn: &mut MySqlConnection,
    events: &[OutboxEvent],
) -> Result<(), sqlx::Error> {
    count(sql, conn, lanes(events)).await?;
    let later = later(events);
    for (events, later) in events.chunks(BATCH).zip(later.chunks(BATCH)) {
        insert(sql, conn, events, later).await?;
    }
    Ok(())
}

/// Locks the lanes, and counts their events.
async fn count(
    sql: &Statements,
    conn: &mut MySqlConnection,
    lanes: BTreeMap<Lane, i64>,
) -> Result<(), sqlx::Error> {
    let lanes: Vec<_> = lanes.into_iter().collect();
    for lanes in lanes.chunks(BATCH) {
        let rows = vec![LANE; lanes.len()].join(", ");
        let mut query = sqlx::query(AssertSqlSafe(format!("{} {rows} {COUNT}", sql.outbox.count.as_str())));
        for (lane, events) in lanes {
            query = query.bind(lane.as_bytes().as_slice()).bind(events);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn insert(
    sql: &Statements,
    conn: &mut MySqlConnection,
    events: &[OutboxEvent],
    later: &[i64],
) -> Result<(), sqlx::Error> {
    let row = EVENT.replace("{keys}", &sql.outbox.keys);
    let rows = vec![row.as_str(); events.len()].join(", ");
    let mut query = sqlx::query(AssertSqlSafe(format!("{} {rows}", sql.outbox.write.as_str())));
    for (event, later) in events.iter().zip(later) {
        let lane = event.lane().map(|lane| lane.as_bytes().to_vec());
        query = query
            .bind(event.id.to_string())
            .bind(lane.clone())
            .bind(lane)
            .bind(later)
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
            .bind(event.data.as_ref());
    }
    query.execute(conn).await.map(drop)
}
