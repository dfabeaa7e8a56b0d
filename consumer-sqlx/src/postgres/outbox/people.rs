//! What people do with rows: look at them, release them, give them up.

use std::time::Duration;

use consumer_core::outbox::{Filter, Listed, Survey};
use sqlx::{PgConnection, SqlStr};
use uuid::Uuid;

use crate::{
    outbox_row::{is_about_unsent, number, read},
    postgres::{PgSession, statements::Statements, unit},
};

pub(super) async fn survey(sql: &Statements, conn: &mut PgConnection) -> Result<Survey, sqlx::Error> {
    let (unsent, parked, oldest_us): (i64, i64, i64) =
        sqlx::query_as(sql.outbox.survey.clone()).fetch_one(conn).await?;
    let count = |number| u64::try_from(number).unwrap_or(0);
    Ok(Survey {
        unsent: count(unsent),
        parked: count(parked),
        oldest: Duration::from_micros(count(oldest_us)),
    })
}

pub(super) async fn list(
    sql: &Statements,
    conn: &mut PgConnection,
    filter: &Filter,
) -> Result<Vec<Listed>, sqlx::Error> {
    let statement = match filter.id {
        Some(_) => &sql.outbox.find,
        None if is_about_unsent(filter) => &sql.outbox.list_unsent,
        None => &sql.outbox.list,
    };
    let standings: Vec<i64> = filter.standings.iter().copied().map(number).collect();
    let query = sqlx::query(statement.clone()).bind(standings).bind(i64::from(filter.limit));
    let query = match filter.id {
        Some(id) => query.bind(id),
        None => query,
    };
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok(read!(Looks, row).of(read!(Columns, row).row()?))).collect()
}

/// Releases a row, or gives it up; `false` if it was neither refused nor parked.
pub(super) async fn act(statement: &SqlStr, session: &mut PgSession, id: Uuid) -> Result<bool, sqlx::Error> {
    let mut tx = unit::begin(session).await?.tx;
    let done = sqlx::query(statement.clone()).bind(id).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(done.rows_affected() == 1)
}
