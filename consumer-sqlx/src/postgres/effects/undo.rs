//! The undoing of an effect, and the units that keep it from being undone.

use consumer_core::{departures::Departures, effect::EffectId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{super::statements::Statements, send_away};
use crate::postgres::{PgSession, unit};

/// Marks an effect as compensated and writes what compensates it, unless its event is processed: units that keep it are
/// waited for.
pub(super) async fn compensate(
    sql: &Statements,
    session: &mut PgSession,
    id: EffectId,
    departures: &Departures,
) -> Result<bool, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let done = sqlx::query(sql.effects.compensate.clone()).bind(id.as_uuid()).execute(&mut *tx).await?;
    let ours = done.rows_affected() == 1 && !is_processed(sql, &mut tx, id).await?;
    if ours {
        send_away(sql, &mut tx, departures).await?;
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(ours)
}

async fn is_processed(sql: &Statements, conn: &mut PgConnection, id: EffectId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql.effects.processed.clone()).bind(id.as_uuid()).fetch_one(conn).await
}

/// Keeps done effects from being compensated until the unit has ended, and from being swept until it is forgotten; `false`
/// if one was compensated.
pub(in crate::postgres) async fn keep(
    sql: &Statements,
    conn: &mut PgConnection,
    effects: &[EffectId],
) -> Result<bool, sqlx::Error> {
    let ids: Vec<Uuid> = effects.iter().map(|id| id.as_uuid()).collect();
    let kept = sqlx::query(sql.effects.keep.clone()).bind(ids).execute(conn).await?;
    Ok(kept.rows_affected() == effects.len() as u64)
}
