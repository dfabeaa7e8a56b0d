//! Several claims in one unit.

use consumer_core::inbox::{Claim, Claimed};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::{
    MySqlUnit, classify,
    statements::{Statements, run},
};
use crate::{
    claims::{Found, answers, in_order, is_kept},
    effect_row::marks,
    savepoint, stored,
    tables::Tables,
};

pub(super) struct ClaimsStatements {
    /// Lacks the `{rows}`.
    write: String,
    /// Lacks the `{keys}`.
    find: String,
    /// Lacks the `{keys}`.
    unclaim: String,
}

impl ClaimsStatements {
    pub(super) fn new(tables: &Tables) -> Self {
        let template = |text: &str| tables.sql(text).as_str().to_owned();
        Self {
            write: template(include_str!("claims/write.sql")),
            find: template(include_str!("claims/find.sql")),
            unclaim: template(include_str!("claims/unclaim.sql")),
        }
    }
}

/// Claims all that are not there: one insert, which fails as a whole where one is there, then another without those that were.
pub(super) async fn claim(
    sql: &Statements,
    unit: &mut MySqlUnit<'_>,
    claims: &[Claim],
) -> Result<Vec<Claimed>, sqlx::Error> {
    let (mut left, mut found) = (in_order(claims), Found::new());
    while !write(sql, &mut unit.tx, &left).await? {
        let taken = find(sql, &mut unit.tx, &left).await?;
        if taken.is_empty() {
            // It was swept since, or it is the key of another table, which a trigger writes: nothing tells.
            left.clear();
        }
        left.retain(|claim| !taken.contains_key(&claim.key));
        found.extend(taken);
    }
    let fresh = left.iter().map(|claim| claim.key).collect();
    Ok(answers(claims, &fresh, found))
}

/// Writes claims; `false` where one of them is there, and then none is written. A statement that fails leaves the transaction as
/// it was.
async fn write(sql: &Statements, conn: &mut MySqlConnection, claims: &[&Claim]) -> Result<bool, sqlx::Error> {
    if claims.is_empty() {
        return Ok(true);
    }
    let rows = vec![ROW; claims.len()].join(", ");
    let write = AssertSqlSafe(sql.claims.write.replace("{rows}", &rows));
    let mut query = sqlx::query(write).persistent(is_kept(claims.len()));
    for claim in claims {
        query = query
            .bind(claim.consumer.0)
            .bind(claim.key.as_bytes().as_slice())
            .bind(claim.stamp().to_vec())
            .bind(claim.readable_id.as_deref());
    }
    match query.execute(conn).await {
        Ok(_) => Ok(true),
        Err(error) if classify::is_taken(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

const ROW: &str = "(?, ?, ?, ?, UTC_TIMESTAMP(6))";

async fn find(sql: &Statements, conn: &mut MySqlConnection, claims: &[&Claim]) -> Result<Found, sqlx::Error> {
    let Some(first) = claims.first() else { return Ok(Found::new()) };
    let find = AssertSqlSafe(sql.claims.find.replace("{keys}", &marks(claims.len())));
    let mut query = sqlx::query_as(find).persistent(is_kept(claims.len())).bind(first.consumer.0);
    for claim in claims {
        query = query.bind(claim.key.as_bytes().as_slice());
    }
    let rows: Vec<(Vec<u8>, Vec<u8>, Option<String>)> = query.fetch_all(conn).await?;
    let read = |(key, stamp, readable_id): (Vec<u8>, Vec<u8>, _)| {
        Ok((stored::key(&key)?, stored::claim(&stamp, readable_id)?))
    };
    rows.into_iter().map(read).collect()
}

/// Takes claims back, if the transaction is still the one that made them: what the handler has committed itself is processed.
pub(super) async fn unclaim(
    sql: &Statements,
    unit: &mut MySqlUnit<'_>,
    claims: &[Claim],
) -> Result<(), sqlx::Error> {
    let Some(first) = claims.first() else { return Ok(()) };
    run(&mut unit.tx, savepoint::RENEW).await?;
    let unclaim = AssertSqlSafe(sql.claims.unclaim.replace("{keys}", &marks(claims.len())));
    let mut query = sqlx::query(unclaim).persistent(is_kept(claims.len())).bind(first.consumer.0);
    for claim in claims {
        query = query.bind(claim.key.as_bytes().as_slice());
    }
    query.execute(&mut *unit.tx).await?;
    Ok(())
}
