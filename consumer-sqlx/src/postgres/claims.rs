//! Several claims in one unit.

use std::collections::HashSet;

use consumer_core::{
    inbox::{Claim, Claimed},
    message::ClaimKey,
};
use sqlx::{PgConnection, SqlStr};
use uuid::Uuid;

use super::{
    PgUnit,
    statements::{Statements, run},
};
use crate::{
    claims::{Found, answers},
    savepoint, stored,
    tables::Tables,
};

pub(super) struct ClaimsStatements {
    write: SqlStr,
    find: SqlStr,
    unclaim: SqlStr,
}

impl ClaimsStatements {
    pub(super) fn new(tables: &Tables) -> Self {
        Self {
            write: tables.sql(include_str!("claims/write.sql")),
            find: tables.sql(include_str!("claims/find.sql")),
            unclaim: tables.sql(include_str!("claims/unclaim.sql")),
        }
    }
}

pub(super) async fn claim(
    sql: &Statements,
    unit: &mut PgUnit<'_>,
    claims: &[Claim],
) -> Result<Vec<Claimed>, sqlx::Error> {
    let fresh = write(sql, &mut unit.tx, claims).await?;
    if fresh.len() == claims.len() {
        return Ok(vec![Claimed::Fresh; claims.len()]);
    }
    let fresh: HashSet<_> = fresh.into_iter().map(|key| ClaimKey::from_bytes(key.into_bytes())).collect();
    let others: Vec<_> = claims.iter().filter(|claim| !fresh.contains(&claim.key)).collect();
    let found = find(sql, &mut unit.tx, &others).await?;
    Ok(answers(claims, &fresh, found))
}

/// Writes those claims that are not there, and says which.
async fn write(
    sql: &Statements,
    conn: &mut PgConnection,
    claims: &[Claim],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut claims: Vec<_> = claims.iter().collect();
    // Here, where it costs next to nothing.
    claims.sort_unstable_by_key(|claim| claim.key);
    let Some(first) = claims.first() else { return Ok(Vec::new()) };
    sqlx::query_scalar(sql.claims.write.clone())
        .bind(first.consumer.0)
        .bind(claims.iter().map(|claim| claim.key.as_uuid()).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.stamp()).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.readable_id.as_deref()).collect::<Vec<_>>())
        .fetch_one(conn)
        .await
}

async fn find(sql: &Statements, conn: &mut PgConnection, claims: &[&Claim]) -> Result<Found, sqlx::Error> {
    let Some(first) = claims.first() else { return Ok(Found::new()) };
    let (keys, stamps, texts): (Vec<Uuid>, Vec<Vec<u8>>, Vec<Option<String>>) =
        sqlx::query_as(sql.claims.find.clone())
            .bind(first.consumer.0)
            .bind(claims.iter().map(|claim| claim.key.as_uuid()).collect::<Vec<_>>())
            .fetch_one(conn)
            .await?;
    let read = |((key, stamp), readable_id): ((Uuid, Vec<u8>), _)| {
        Ok((ClaimKey::from_bytes(key.into_bytes()), stored::claim(&stamp, readable_id)?))
    };
    keys.into_iter().zip(stamps).zip(texts).map(read).collect()
}

/// Takes claims back, if the transaction is still the one that made them: outside one, the statement would take back what the
/// handler has committed.
pub(super) async fn unclaim(
    sql: &Statements,
    unit: &mut PgUnit<'_>,
    claims: &[Claim],
) -> Result<(), sqlx::Error> {
    let Some(first) = claims.first() else { return Ok(()) };
    run(&mut unit.tx, savepoint::RENEW).await?;
    sqlx::query(sql.claims.unclaim.clone())
        .bind(first.consumer.0)
        .bind(claims.iter().map(|claim| claim.key.as_uuid()).collect::<Vec<_>>())
        .execute(&mut *unit.tx)
        .await?;
    Ok(())
}
