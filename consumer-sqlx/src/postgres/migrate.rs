//! The tables: creating, upgrading, verifying.

use consumer_core::Result;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Inner, classify, lock, statements};
use crate::{
    migration::{self, Migration},
    refusal::Refusal,
    tables::Tables,
};

const TRACKING: &str = include_str!("migrations/0000_tracking.sql");

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "claims", sql: include_str!("migrations/0001_claims.sql") },
    Migration { version: 2, name: "outbox", sql: include_str!("migrations/0002_outbox.sql") },
    Migration { version: 3, name: "effects", sql: include_str!("migrations/0003_effects.sql") },
    Migration { version: 4, name: "failures", sql: include_str!("migrations/0004_failures.sql") },
];

/// All steps as one text, which is one transaction.
pub(super) fn script(tables: &Tables) -> String {
    let schema =
        tables.schema().map(|name| format!("CREATE SCHEMA IF NOT EXISTS {name};\n\n")).unwrap_or_default();
    format!("BEGIN;\n\n{schema}{}\nCOMMIT;\n", migration::script(tables, TRACKING, MIGRATIONS))
}

pub(super) async fn prepare(store: &Inner) -> Result<()> {
    let mut conn = lock::connection(&store.pool).await.map_err(migration::away)?;
    if !store.verify_only && is_behind(store, &mut conn).await.map_err(migration::away)? {
        migrate(store, &mut conn).await?;
    }
    examine(store, &mut conn).await?;
    Ok(())
}

/// The version of the tables, if they are as this version needs them; nothing is changed.
pub(super) async fn examine(store: &Inner, conn: &mut PgConnection) -> Result<i32, Refusal> {
    let version = applied(store, conn).await.map_err(migration::away)?;
    if !migration::pending(MIGRATIONS, version).is_empty() {
        return Err(migration::behind(&store.tables, version, MIGRATIONS.len() as i32));
    }
    verify(store, conn).await.map_err(|cause| migration::altered(&store.tables, cause))?;
    Ok(version)
}

/// Whether there are steps to take.
async fn is_behind(store: &Inner, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let version = applied(store, conn).await?;
    Ok(!migration::pending(MIGRATIONS, version).is_empty())
}

/// The version of the tables; 0 where there are none.
async fn applied(store: &Inner, conn: &mut PgConnection) -> Result<i32, sqlx::Error> {
    match sqlx::query_scalar::<_, Option<i32>>(store.sql.applied.clone()).fetch_one(conn).await {
        Ok(version) => Ok(version.unwrap_or(0)),
        Err(error) if classify::is_missing(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Takes the steps that are left, in one transaction: all or none.
async fn migrate(store: &Inner, conn: &mut PgConnection) -> Result<()> {
    let tables = &store.tables;
    let mut tx = lock::alone(conn, tables).await.map_err(migration::away)?;
    track(tables, &mut tx).await.map_err(|cause| migration::failed("tracking", cause))?;
    let version = applied(store, &mut tx).await.map_err(migration::away)?;
    for step in migration::pending(MIGRATIONS, version) {
        take(tables, &mut tx, step).await.map_err(|cause| migration::failed(step.name, cause))?;
    }
    tx.commit().await.map_err(|cause| migration::failed("commit", cause))
}

async fn track(tables: &Tables, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    if let Some(schema) = tables.schema() {
        statements::run(conn, AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"))).await?;
    }
    statements::run(conn, AssertSqlSafe(tables.fill(TRACKING))).await
}

async fn take(tables: &Tables, conn: &mut PgConnection, step: &Migration) -> Result<(), sqlx::Error> {
    statements::run(conn, AssertSqlSafe(tables.fill(step.sql))).await?;
    statements::run(conn, AssertSqlSafe(migration::record(tables, step))).await
}

/// Whether the tables are as this version uses them.
async fn verify(store: &Inner, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    for statement in &store.sql.verify {
        statements::run(conn, statement.clone()).await?;
    }
    Ok(())
}
