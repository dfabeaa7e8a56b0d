//! The undoing of an effect, and the units that keep it from being undone.

use consumer_core::{departures::Departures, effect::EffectId};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{super::statements::Statements, send_away};
use crate::{
    effect_row::marks,
    sqlite::{Inner, SqliteSession, writing},
};

/// Marks an effect as compensated and writes what compensates it, unless its event is processed.
pub(super) async fn compensate(
    store: &Inner,
    session: &mut SqliteSession,
    id: EffectId,
    departures: &Departures,
) -> Result<bool, sqlx::Error> {
    let mut writing = writing::begin(store, session).await?;
    let ours = !is_processed(&store.sql, &mut writing.tx, id).await?
        && mark(&store.sql, &mut writing.tx, id).await?;
    if ours {
        send_away(&store.sql, &mut writing.tx, departures).await?;
    }
    writing.commit().await?;
    Ok(ours)
}

async fn mark(sql: &Statements, conn: &mut SqliteConnection, id: EffectId) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(sql.effects.compensate.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn is_processed(
    sql: &Statements,
    conn: &mut SqliteConnection,
    id: EffectId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql.effects.processed.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .fetch_one(conn)
        .await
}

/// Keeps done effects from being compensated until the unit has ended, and from being swept until it is forgotten; `false`
/// if one was compensated.
pub(in crate::sqlite) async fn keep(
    sql: &Statements,
    conn: &mut SqliteConnection,
    effects: &[EffectId],
) -> Result<bool, sqlx::Error> {
    let keep = sql.effects.keep.replace("{ids}", &marks(effects.len()));
    let mut query = sqlx::query(AssertSqlSafe(keep));
    for id in effects {
        query = query.bind(id.as_uuid().as_bytes().to_vec());
    }
    let kept = query.execute(conn).await?;
    Ok(kept.rows_affected() == effects.len() as u64)
}
