//! One call of an effect in the ledger: the right to make it, and its ending.

use std::time::Duration;

use consumer_core::{
    departures::Departures,
    effect::{Asked, EffectId, EffectRow, Ending, Intent, Leased, Outcome, Recorded, Right, error_text},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::statements::Statements, find, send_away};
use crate::{
    effect_row::{ROOM, columns, span},
    postgres::{PgSession, unit},
};

/// Starts an effect, unless somebody else has.
pub(super) async fn start(
    sql: &Statements,
    session: &mut PgSession,
    intent: &Intent,
    lease: Duration,
) -> Result<Right, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let right = loop {
        if begin(sql, &mut tx, intent, lease).await? {
            break Right::Ours(Box::new(first(intent)));
        }
        let Some(row) = find(sql, &mut tx, intent.id).await? else { continue };
        let (state, fence) = (row.record.state, row.fence);
        match row.ask(intent) {
            Asked::Leave(right) => break right,
            Asked::Start(leased) => {
                let started = sqlx::query(sql.effects.start.clone())
                    .bind(intent.id.as_uuid())
                    .bind(state.as_str())
                    .bind(fence)
                    .bind(span(lease))
                    .execute(&mut *tx)
                    .await?;
                if started.rows_affected() == 1 {
                    break Right::Ours(leased);
                }
            }
        }
    };
    tx.commit().await?;
    Ok(right)
}

/// Writes a row that is started; `false` where there is one.
async fn begin(
    sql: &Statements,
    conn: &mut PgConnection,
    intent: &Intent,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(sql.effects.begin.clone())
        .bind(intent.id.as_uuid())
        .bind(intent.consumer.0)
        .bind(intent.event.as_uuid())
        .bind(&intent.effect)
        .bind(&intent.label)
        .bind(intent.moment.as_str())
        .bind(intent.key.as_str())
        .bind(intent.request.as_ref())
        .bind(intent.origin.to_json())
        .bind(span(lease))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What whoever has written a row gets.
fn first(intent: &Intent) -> Leased {
    Leased { intent: intent.clone(), fence: 1, attempts: 0, uncertain: false, since_first: None }
}

/// Starts what is due. Where nothing is, it costs one look.
pub(super) async fn lease(
    sql: &Statements,
    session: &mut PgSession,
    effects: &[&str],
    lease: Duration,
    limit: u32,
) -> Result<Vec<Leased>, sqlx::Error> {
    let due: bool =
        sqlx::query_scalar(sql.effects.look.clone()).bind(effects).fetch_one(&mut *session.conn).await?;
    if !due {
        return Ok(Vec::new());
    }
    let mut tx = unit::begin(session).await?.tx;
    let rows =
        sqlx::query(sql.effects.due.clone()).bind(effects).bind(i64::from(limit)).fetch_all(&mut *tx).await?;
    let rows: Result<Vec<EffectRow>, _> = rows.iter().map(|row| columns!(row).read()).collect();
    let leased: Vec<Leased> = rows?.into_iter().map(EffectRow::start).collect();
    let ids: Vec<Uuid> = leased.iter().map(|leased| leased.intent.id.as_uuid()).collect();
    sqlx::query(sql.effects.lease.clone()).bind(ids).bind(span(lease)).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(leased)
}

/// Has a lease end later, if it is still this holder's.
pub(super) async fn renew(
    sql: &Statements,
    session: &mut PgSession,
    id: EffectId,
    fence: i64,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let renewed = sqlx::query(sql.effects.renew.clone())
        .bind(id.as_uuid())
        .bind(fence)
        .bind(span(lease))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(renewed.rows_affected() == 1)
}

/// Writes an ending with what it sends away, or keeps it as evidence.
pub(super) async fn finish(
    sql: &Statements,
    session: &mut PgSession,
    id: EffectId,
    fence: i64,
    ending: &Ending,
    departures: &Departures,
) -> Result<Recorded, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let recorded = if end(sql, &mut tx, id, fence, ending).await? {
        send_away(sql, &mut tx, departures).await?;
        Recorded::Accepted
    } else {
        end_late(sql, &mut tx, id, fence, ending).await?
    };
    tx.commit().await?;
    Ok(recorded)
}

async fn end(
    sql: &Statements,
    conn: &mut PgConnection,
    id: EffectId,
    fence: i64,
    ending: &Ending,
) -> Result<bool, sqlx::Error> {
    let Outcome { state, result, error, wait, uncertain, called } = ending.outcome();
    let done = sqlx::query(sql.effects.finish.clone())
        .bind(id.as_uuid())
        .bind(fence)
        .bind(state.as_str())
        .bind(result.map(AsRef::as_ref))
        .bind(error.map(error_text))
        .bind(span(wait))
        .bind(uncertain)
        .bind(i32::from(called))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn end_late(
    sql: &Statements,
    conn: &mut PgConnection,
    id: EffectId,
    fence: i64,
    ending: &Ending,
) -> Result<Recorded, sqlx::Error> {
    let row = find(sql, conn, id).await?;
    if row.is_some_and(|row| row.is_ended_by(fence, ending)) {
        return Ok(Recorded::Accepted);
    }
    if let Some(line) = ending.evidence(fence) {
        note(sql, conn, id, &line).await?;
    }
    Ok(Recorded::TooLate)
}

/// Keeps a line of evidence.
pub(super) async fn note(
    sql: &Statements,
    conn: &mut PgConnection,
    id: EffectId,
    line: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.effects.note.clone())
        .bind(id.as_uuid())
        .bind(line)
        .bind(ROOM)
        .execute(conn)
        .await
        .map(drop)
}
