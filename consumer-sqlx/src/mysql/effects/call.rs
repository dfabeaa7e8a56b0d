//! One call of an effect in the ledger: the right to make it, and its ending.

use std::time::Duration;

use consumer_core::{
    departures::Departures,
    effect::{Asked, EffectId, EffectState, Ending, Intent, Leased, Outcome, Recorded, Right, error_text},
};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::{super::statements::Statements, find, send_away};
use crate::{
    effect_row::{ROOM, columns, literal, marks, span},
    mysql::{
        MySqlSession, classify,
        statements::{COMMIT, run, scalar},
    },
    savepoint::ROLL_BACK,
};

/// Starts an effect, unless somebody else has.
pub(super) async fn start(
    sql: &Statements,
    session: &mut MySqlSession,
    intent: &Intent,
    lease: Duration,
) -> Result<Right, sqlx::Error> {
    let conn = session.awake().await?;
    loop {
        if begin(sql, conn, intent, lease).await? {
            run(conn, COMMIT).await?;
            return Ok(Right::Ours(Box::new(first(intent))));
        }
        // An insert that fails keeps a shared lock of the row, and two who hold one cannot both go on to write.
        run(conn, ROLL_BACK).await?;
        if let Some(row) = find(sql, conn, intent.id).await? {
            let found = (row.record.state, row.fence);
            match row.ask(intent) {
                Asked::Leave(right) => {
                    run(conn, ROLL_BACK).await?;
                    return Ok(right);
                }
                Asked::Start(leased) => {
                    if restart(sql, conn, intent.id, found, lease).await? {
                        run(conn, COMMIT).await?;
                        return Ok(Right::Ours(leased));
                    }
                }
            }
        }
        run(conn, ROLL_BACK).await?;
    }
}

/// Writes a row that is started; `false` where there is one.
async fn begin(
    sql: &Statements,
    conn: &mut MySqlConnection,
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
        .bind(span(lease))
        .execute(conn)
        .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if classify::is_taken(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Starts a row, if it is still as it was read.
async fn restart(
    sql: &Statements,
    conn: &mut MySqlConnection,
    id: EffectId,
    (state, fence): (EffectState, i64),
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let started = sqlx::query(sql.effects.start.clone())
        .bind(span(lease))
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(state.as_str())
        .bind(fence)
        .execute(conn)
        .await?;
    Ok(started.rows_affected() == 1)
}

/// What whoever has written a row gets.
fn first(intent: &Intent) -> Leased {
    Leased { intent: intent.clone(), fence: 1, attempts: 0, uncertain: false, since_first: None }
}

/// Starts what is due. Where nothing is, it costs one look.
pub(super) async fn lease(
    sql: &Statements,
    session: &mut MySqlSession,
    effects: &[&str],
    lease: Duration,
    limit: u32,
) -> Result<Vec<Leased>, sqlx::Error> {
    if effects.is_empty() {
        return Ok(Vec::new());
    }
    let conn = session.awake().await?;
    let names: Vec<String> = effects.iter().map(|name| literal(name.as_bytes())).collect();
    let look = sql.effects.look.replace("{names}", &names.join(", "));
    if !scalar::<bool>(conn, AssertSqlSafe(look)).await? {
        return Ok(Vec::new());
    }
    let leased = due(sql, conn, effects, limit).await?;
    if leased.is_empty() {
        run(conn, ROLL_BACK).await?;
        return Ok(leased);
    }
    let ids: Vec<String> =
        leased.iter().map(|leased| literal(leased.intent.id.as_uuid().as_bytes())).collect();
    let start = sql.effects.lease.replace("{ids}", &ids.join(", "));
    run(conn, AssertSqlSafe(start.replace("{lease}", &span(lease).to_string()))).await?;
    Ok(leased)
}

/// Locks what is due.
async fn due(
    sql: &Statements,
    conn: &mut MySqlConnection,
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
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
    fence: i64,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let conn = session.awake().await?;
    let renewed = sqlx::query(sql.effects.renew.clone())
        .bind(span(lease))
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(fence)
        .execute(&mut *conn)
        .await?;
    run(conn, COMMIT).await?;
    Ok(renewed.rows_affected() == 1)
}

/// Writes an ending with what it sends away, or keeps it as evidence.
pub(super) async fn finish(
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
    fence: i64,
    ending: &Ending,
    departures: &Departures,
) -> Result<Recorded, sqlx::Error> {
    let conn = session.awake().await?;
    let recorded = if end(sql, conn, id, fence, ending).await? {
        send_away(sql, conn, departures).await?;
        Recorded::Accepted
    } else {
        end_late(sql, conn, id, fence, ending).await?
    };
    run(conn, COMMIT).await?;
    Ok(recorded)
}

async fn end(
    sql: &Statements,
    conn: &mut MySqlConnection,
    id: EffectId,
    fence: i64,
    ending: &Ending,
) -> Result<bool, sqlx::Error> {
    let Outcome { state, result, error, wait, uncertain, called } = ending.outcome();
    let done = sqlx::query(sql.effects.finish.clone())
        .bind(state.as_str())
        .bind(result.map(AsRef::<[u8]>::as_ref))
        .bind(error.map(error_text))
        .bind(state.as_str())
        .bind(span(wait))
        .bind(uncertain)
        .bind(i32::from(called))
        .bind(state.as_str())
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(fence)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn end_late(
    sql: &Statements,
    conn: &mut MySqlConnection,
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
    conn: &mut MySqlConnection,
    id: EffectId,
    line: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql.effects.note.clone())
        .bind(line)
        .bind(id.as_uuid().as_bytes().as_slice())
        .bind(line)
        .bind(ROOM)
        .execute(conn)
        .await
        .map(drop)
}
