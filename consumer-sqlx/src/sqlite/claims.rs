//! Several claims in one unit.

use std::collections::HashSet;

use consumer_core::{
    inbox::{Claim, Claimed},
    message::ClaimKey,
};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{
    SqliteUnit,
    statements::{NOW, Statements, run},
};
use crate::{
    claims::{Found, answers, is_kept},
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

pub(super) async fn claim(
    sql: &Statements,
    unit: &mut SqliteUnit<'_>,
    claims: &[Claim],
) -> Result<Vec<Claimed>, sqlx::Error> {
    let fresh = write(sql, &mut unit.tx, claims).await?;
    let others: Vec<_> = claims.iter().filter(|claim| !fresh.contains(&claim.key)).collect();
    let found = find(sql, &mut unit.tx, &others).await?;
    Ok(answers(claims, &fresh, found))
}

/// Writes those claims that are not there, and says which.
async fn write(
    sql: &Statements,
    conn: &mut SqliteConnection,
    claims: &[Claim],
) -> Result<HashSet<ClaimKey>, sqlx::Error> {
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    let row = format!("(?, ?, ?, ?, {NOW})");
    let rows = vec![row.as_str(); claims.len()].join(", ");
    let write = AssertSqlSafe(sql.claims.write.replace("{rows}", &rows));
    let mut query = sqlx::query_scalar(write).persistent(is_kept(claims.len()));
    for claim in claims {
        query = query
            .bind(claim.consumer.0)
            .bind(claim.key.as_bytes().as_slice())
            .bind(claim.stamp().to_vec())
            .bind(claim.readable_id.as_deref());
    }
    let fresh: Vec<Vec<u8>> = query.fetch_all(conn).await?;
    fresh.iter().map(|key| stored::key(key)).collect()
}

async fn find(
    sql: &Statements,
    conn: &mut SqliteConnection,
    claims: &[&Claim],
) -> Result<Found, sqlx::Error> {
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
    unit: &mut SqliteUnit<'_>,
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
