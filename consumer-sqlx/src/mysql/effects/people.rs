//! What people see of the ledger, and do to it.

use consumer_core::{
    effect::{
        ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, EffectState, RELEASED, RESOLVED,
        error_text,
    },
    inbox::ConsumerId,
    message::ClaimKey,
};
use sqlx::{Row, mysql::MySqlRow};

use super::{super::statements::Statements, call::note};
use crate::{
    effect_row::{columns, micros},
    mysql::{
        MySqlSession,
        statements::{COMMIT, run},
    },
    savepoint::ROLL_BACK,
};

pub(super) async fn of(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    event: ClaimKey,
) -> Result<Vec<EffectRecord>, sqlx::Error> {
    let conn = session.awake().await?;
    let rows = sqlx::query(sql.effects.of.clone())
        .bind(consumer.0)
        .bind(event.as_bytes().as_slice())
        .fetch_all(&mut *conn)
        .await?;
    run(conn, ROLL_BACK).await?;
    records(&rows)
}

pub(super) async fn list(
    sql: &Statements,
    session: &mut MySqlSession,
    filter: &EffectFilter,
) -> Result<Vec<EffectRecord>, sqlx::Error> {
    let EffectFilter { states, effect, limit } = filter;
    let open = !states.is_empty() && !states.contains(&EffectState::Done);
    let statement = if open { &sql.effects.list_open } else { &sql.effects.list };
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let states = states.join(",");
    let conn = session.awake().await?;
    let rows = sqlx::query(statement.clone())
        .bind(&states)
        .bind(&states)
        .bind(effect.as_deref())
        .bind(effect.as_deref())
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?;
    run(conn, ROLL_BACK).await?;
    records(&rows)
}

fn records(rows: &[MySqlRow]) -> Result<Vec<EffectRecord>, sqlx::Error> {
    rows.iter().map(|row| Ok(columns!(row).read()?.record)).collect()
}

pub(super) async fn count(sql: &Statements, session: &mut MySqlSession) -> Result<EffectCounts, sqlx::Error> {
    let conn = session.awake().await?;
    let row = sqlx::query(sql.effects.count.clone()).fetch_one(&mut *conn).await?;
    run(conn, ROLL_BACK).await?;
    let number = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    let overdue: Option<i64> = row.try_get("overdue_us")?;
    Ok(EffectCounts {
        planned: number("planned")?,
        started: number("started")?,
        failed: number("failed")?,
        unknown: number("unknown")?,
        overdue: overdue.map(micros).unwrap_or_default(),
    })
}

pub(super) async fn resolve(
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
    found: &ByHand,
) -> Result<bool, sqlx::Error> {
    let (state, result, error) = match found {
        ByHand::Done(result) => (EffectState::Done, Some(result.as_ref()), None),
        ByHand::NotDone(why) => (EffectState::Failed, None, Some(error_text(why))),
    };
    let conn = session.awake().await?;
    let done = sqlx::query(sql.effects.resolve.clone())
        .bind(state.as_str())
        .bind(result)
        .bind(error)
        .bind(state.as_str())
        .bind(id.as_uuid().as_bytes().as_slice())
        .execute(&mut *conn)
        .await?;
    let resolved = done.rows_affected() == 1;
    if resolved {
        note(sql, conn, id, RESOLVED).await?;
    }
    run(conn, COMMIT).await?;
    Ok(resolved)
}

pub(super) async fn release(
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
) -> Result<bool, sqlx::Error> {
    let conn = session.awake().await?;
    let done = sqlx::query(sql.effects.release.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .execute(&mut *conn)
        .await?;
    let released = done.rows_affected() == 1;
    if released {
        note(sql, conn, id, RELEASED).await?;
    }
    run(conn, COMMIT).await?;
    Ok(released)
}
