//! The undoing of an effect, and the units that keep it from being undone.

use consumer_core::{departures::Departures, effect::EffectId};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::{super::statements::Statements, send_away};
use crate::{
    effect_row::marks,
    mysql::{
        MySqlSession,
        statements::{COMMIT, run},
    },
    savepoint::ROLL_BACK,
};

/// Marks an effect as compensated and writes what compensates it, unless its event is processed: units that keep it are
/// waited for.
pub(super) async fn compensate(
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
    departures: &Departures,
) -> Result<bool, sqlx::Error> {
    let conn = session.awake().await?;
    let done = sqlx::query(sql.effects.compensate.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .execute(&mut *conn)
        .await?;
    let ours = done.rows_affected() == 1 && !is_processed(sql, conn, id).await?;
    if ours {
        send_away(sql, conn, departures).await?;
    }
    run(conn, if ours { COMMIT } else { ROLL_BACK }).await?;
    Ok(ours)
}

async fn is_processed(
    sql: &Statements,
    conn: &mut MySqlConnection,
    id: EffectId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(sql.effects.processed.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .fetch_one(conn)
        .await
}

/// Keeps done effects from being compensated until the unit has ended, and from being swept until it is forgotten; `false`
/// if one was compensated.
pub(in crate::mysql) async fn keep(
    sql: &Statements,
    conn: &mut MySqlConnection,
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
