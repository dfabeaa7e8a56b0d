//! One call of an effect in the ledger: the right to make it, and its ending.

use std::time::Duration;

use consumer_core::{
    departures::Departures,
    effect::{Asked, EffectId, Ending, Intent, Leased, Outcome, Recorded, Right, error_text},
};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{super::statements::Statements, find, send_away};
use crate::{
    effect_row::{ROOM, columns, marks, span},
    sqlite::{Inner, SqliteSession, writing},
};

/// Starts an effect, unless somebody else has.
pub(super) async fn start(
    store: &Inner,
    session: &mut SqliteSession,
    intent: &Intent,
    lease: Duration,
) -> Result<Right, sqlx::Error> {
    let sql = &store.sql;
    let mut writing = writing::begin(store, session).await?;
    let right = if begin(sql, &mut writing.tx, intent, lease).await? {
        Right::Ours(Box::new(first(intent)))
    } else {
        let row = find(sql, &mut writing.tx, intent.id).await?.ok_or(sqlx::Error::RowNotFound)?;
        match row.ask(intent) {
            Asked::Leave(right) => right,
            Asked::Start(leased) => {
                restart(sql, &mut writing.tx, intent.id, lease).await?;
                Right::Ours(leased)
            }
        }
    };
    writing.commit().await?;
    Ok(right)
}

/// Starts a row that may be started.
async fn restart(
    sql: &Statements,
    conn: &mut SqliteConnection,
    id: EffectId,
    lease: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.effects.start.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(millis(lease))
        .execute(conn)
        .await
        .map(drop)
}

/// Writes a row that is started; `false` where there is one.
async fn begin(
    sql: &Statements,
    conn: &mut SqliteConnection,
    intent: &Intent,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(sql.effects.begin.clone())
        .bind(intent.id.as_uuid().as_bytes().as_slice())
        .bind(intent.consumer.0)
        .bind(intent.event.as_bytes().as_slice())
        .bind(&intent.effect)
        .bind(&intent.label)
        .bind(intent.moment.as_str())
        .bind(intent.key.as_str())
        .bind(intent.request.as_ref())
        .bind(intent.origin.to_json())
        .bind(millis(lease))
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
    store: &Inner,
    session: &mut SqliteSession,
    effects: &[&str],
    lease: Duration,
    limit: u32,
) -> Result<Vec<Leased>, sqlx::Error> {
    let sql = &store.sql;
    if effects.is_empty() || !look(sql, &mut session.conn, effects).await? {
        return Ok(Vec::new());
    }
    let mut writing = writing::begin(store, session).await?;
    let leased = due(sql, &mut writing.tx, effects, limit).await?;
    for leased in &leased {
        restart(sql, &mut writing.tx, leased.intent.id, lease).await?;
    }
    writing.commit().await?;
    Ok(leased)
}

/// Whether anything is due.
async fn look(sql: &Statements, conn: &mut SqliteConnection, effects: &[&str]) -> Result<bool, sqlx::Error> {
    let look = sql.effects.look.replace("{names}", &marks(effects.len()));
    let mut query = sqlx::query_scalar(AssertSqlSafe(look));
    for name in effects {
        query = query.bind(name);
    }
    query.fetch_one(conn).await
}

/// What is due.
async fn due(
    sql: &Statements,
    conn: &mut SqliteConnection,
    effects: &[&str],
    limit: u32,
) -> Result<Vec<Leased>, sqlx::Error> {
    let due = sql.effects.due.replace("{names}", &marks(effects.len()));
    let mut query = sqlx::query(AssertSqlSafe(due));
    for name in effects {
        query = query.bind(name);
    }
    let rows = query.bind(limit).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(columns!(row).read()?.start())).collect()
}

/// Has a lease end later, if it is still this holder's.
pub(super) async fn renew(
    store: &Inner,
    session: &mut SqliteSession,
    id: EffectId,
    fence: i64,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let renewed = sqlx::query(store.sql.effects.renew.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(fence)
        .bind(millis(lease))
        .execute(&mut *writing.tx)
        .await?;
    writing.commit().await?;
    Ok(renewed.rows_affected() == 1)
}

/// Writes an ending with what it sends away, or keeps it as evidence.
pub(super) async fn finish(
    store: &Inner,
    session: &mut SqliteSession,
    id: EffectId,
    fence: i64,
    ending: &Ending,
    departures: &Departures,
) -> Result<Recorded, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let recorded = if end(&store.sql, &mut writing.tx, id, fence, ending).await? {
        send_away(&store.sql, &mut writing.tx, departures).await?;
        Recorded::Accepted
    } else {
        end_late(&store.sql, &mut writing.tx, id, fence, ending).await?
    };
    writing.commit().await?;
    Ok(recorded)
}

async fn end(
    sql: &Statements,
    conn: &mut SqliteConnection,
    id: EffectId,
    fence: i64,
    ending: &Ending,
) -> Result<bool, sqlx::Error> {
    let Outcome { state, result, error, wait, uncertain, called } = ending.outcome();
    let done = sqlx::query(sql.effects.finish.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(fence)
        .bind(state.as_str())
        .bind(result.map(AsRef::<[u8]>::as_ref))
        .bind(error.map(error_text))
        .bind(millis(wait))
        .bind(uncertain)
        .bind(i32::from(called))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn end_late(
    sql: &Statements,
    conn: &mut SqliteConnection,
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
    conn: &mut SqliteConnection,
    id: EffectId,
    line: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.effects.note.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(line)
        .bind(ROOM)
        .execute(conn)
        .await
        .map(drop)
}

/// A time as a parameter. Less than a millisecond is one: a lease of none would be over at once.
pub(super) fn millis(time: Duration) -> i64 {
    (span(time) + 999) / 1000
}
