//! What people do with rows: look at them, release them, give them up.

use std::time::Duration;

use consumer_core::outbox::{Filter, Listed, Survey};
use sqlx::{AssertSqlSafe, Executor, Row, SqlStr};
use uuid::Uuid;

use super::statements::committed;
use crate::{
    mysql::{
        MySqlSession,
        statements::{Statements, run},
    },
    outbox_row::{is_about_unsent, list as numbers, number, read},
};

pub(super) async fn survey(sql: &Statements, session: &mut MySqlSession) -> Result<Survey, sqlx::Error> {
    let conn = session.awake().await?;
    let rows = conn.fetch_all(committed([&sql.outbox.survey])).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let count = |at| row.try_get::<i64, _>(at).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(Survey { unsent: count(0)?, parked: count(1)?, oldest: Duration::from_micros(count(2)?) })
}

pub(super) async fn list(
    sql: &Statements,
    session: &mut MySqlSession,
    filter: &Filter,
) -> Result<Vec<Listed>, sqlx::Error> {
    let filtered = match filter.id {
        Some(_) => "id = ?",
        None if is_about_unsent(filter) => "sent_at IS NULL AND discarded_at IS NULL",
        None => "TRUE",
    };
    let standings = match filter.standings.is_empty() {
        true => "TRUE".to_owned(),
        false => format!("standing IN ({})", numbers(filter.standings.iter().copied().map(number))),
    };
    let text = sql.outbox.list.as_str().replace("{filter}", filtered).replace("{standings}", &standings);
    // The filter is one of three texts, the standings are whole numbers. The server need not keep the statement.
    let query = sqlx::query(AssertSqlSafe(text)).persistent(false);
    let query = match filter.id {
        Some(id) => query.bind(id.to_string()),
        None => query,
    };
    let conn = session.awake().await?;
    let rows = query.bind(filter.limit).fetch_all(&mut *conn).await?;
    run(conn, "COMMIT").await?;
    rows.iter().map(|row| Ok(read!(Looks, row).of(read!(Columns, row).row()?))).collect()
}

/// Releases a row, or gives it up; `false` if it was neither refused nor parked.
pub(super) async fn act(
    statement: &SqlStr,
    session: &mut MySqlSession,
    id: Uuid,
) -> Result<bool, sqlx::Error> {
    let conn = session.awake().await?;
    let done = sqlx::query(statement.clone()).bind(id.to_string()).execute(&mut *conn).await?;
    run(conn, "COMMIT").await?;
    Ok(done.rows_affected() == 1)
}
