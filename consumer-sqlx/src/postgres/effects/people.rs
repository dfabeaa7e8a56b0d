//! What people see of the ledger, and do to it.

use consumer_core::{
    effect::{
        ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, EffectState, RELEASED, RESOLVED,
        error_text,
    },
    inbox::ConsumerId,
    message::ClaimKey,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{super::statements::Statements, call::note};
use crate::{
    effect_row::{columns, micros},
    postgres::{PgSession, unit},
};

pub(super) async fn of(
    sql: &Statements,
    conn: &mut PgConnection,
    consumer: ConsumerId,
    event: ClaimKey,
) -> Result<Vec<EffectRecord>, sqlx::Error> {
    let rows =
        sqlx::query(sql.effects.of.clone()).bind(consumer.0).bind(event.as_uuid()).fetch_all(conn).await?;
    records(&rows)
}

pub(super) async fn list(
    sql: &Statements,
    conn: &mut PgConnection,
    filter: &EffectFilter,
) -> Result<Vec<EffectRecord>, sqlx::Error> {
    let EffectFilter { states, effect, limit } = filter;
    let open = !states.is_empty() && !states.contains(&EffectState::Done);
    let statement = if open { &sql.effects.list_open } else { &sql.effects.list };
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let rows = sqlx::query(statement.clone())
        .bind(states)
        .bind(effect.as_deref())
        .bind(i64::from(*limit))
        .fetch_all(conn)
        .await?;
    records(&rows)
}

fn records(rows: &[PgRow]) -> Result<Vec<EffectRecord>, sqlx::Error> {
    rows.iter().map(|row| Ok(columns!(row).read()?.record)).collect()
}

pub(super) async fn count(sql: &Statements, conn: &mut PgConnection) -> Result<EffectCounts, sqlx::Error> {
    let row = sqlx::query(sql.effects.count.clone()).fetch_one(conn).await?;
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
    session: &mut PgSession,
    id: EffectId,
    found: &ByHand,
) -> Result<bool, sqlx::Error> {
    let (state, result, error) = match found {
        ByHand::Done(result) => (EffectState::Done, Some(result.as_ref()), None),
        ByHand::NotDone(why) => (EffectState::Failed, None, Some(error_text(why))),
    };
    let mut tx = unit::begin(session).await?.tx;
    let done = sqlx::query(sql.effects.resolve.clone())
        .bind(id.as_uuid())
        .bind(state.as_str())
        .bind(result)
        .bind(error)
        .execute(&mut *tx)
        .await?;
    let resolved = done.rows_affected() == 1;
    if resolved {
        note(sql, &mut tx, id, RESOLVED).await?;
    }
    tx.commit().await?;
    Ok(resolved)
}

pub(super) async fn release(
    sql: &Statements,
    session: &mut PgSession,
    id: EffectId,
) -> Result<bool, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let done = sqlx::query(sql.effects.release.clone()).bind(id.as_uuid()).execute(&mut *tx).await?;
    let released = done.rows_affected() == 1;
    if released {
        note(sql, &mut tx, id, RELEASED).await?;
    }
    tx.commit().await?;
    Ok(released)
}
