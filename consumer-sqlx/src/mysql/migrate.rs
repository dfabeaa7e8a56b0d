//! The tables: creating, upgrading, verifying.

use consumer_core::Result;
use sqlx::{AssertSqlSafe, MySqlConnection};

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

/// All steps as one text. These servers commit each of its statements at once; to run it again does no harm.
pub(super) fn script(tables: &Tables) -> String {
    migration::script(tables, TRACKING, MIGRATIONS)
}

pub(super) async fn prepare(store: &Inner) -> Result<()> {
    if !store.verify_only && is_behind(store).await.map_err(migration::away)? {
        migrate(store).await?;
    }
    let mut conn = store.pool.acquire().await.map_err(migration::away)?;
    examine(store, &mut conn).await?;
    Ok(())
}

/// The version of the tables, if they are as this version needs them; nothing is changed.
pub(super) async fn examine(store: &Inner, conn: &mut MySqlConnection) -> Result<i32, Refusal> {
    let version = applied(store, conn).await.map_err(migration::away)?;
    if !migration::pending(MIGRATIONS, version).is_empty() {
        return Err(migration::behind(&store.tables, version, MIGRATIONS.len() as i32));
    }
    verify(store, conn).await.map_err(|cause| migration::altered(&store.tables, cause))?;
    Ok(version)
}

/// Whether there are steps to take. The connection goes back, so that whoever takes them finds one.
async fn is_behind(store: &Inner) -> Result<bool, sqlx::Error> {
    let mut conn = store.pool.acquire().await?;
    let version = applied(store, &mut conn).await?;
    Ok(!migration::pending(MIGRATIONS, version).is_empty())
}

/// The version of the tables; 0 where there are none.
async fn applied(store: &Inner, conn: &mut MySqlConnection) -> Result<i32, sqlx::Error> {
    match sqlx::query_scalar::<_, Option<i32>>(store.sql.applied.clone()).fetch_one(conn).await {
        Ok(version) => Ok(version.unwrap_or(0)),
        Err(error) if classify::is_missing(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Takes the steps that are left, each of which can be taken twice: there is no transaction around DDL here, so a crash
/// may leave a step half done.
async fn migrate(store: &Inner) -> Result<()> {
    let tables = &store.tables;
    let mut alone = lock::alone(&store.pool, tables).await.map_err(migration::away)?;
    track(tables, &mut alone.conn).await.map_err(|cause| migration::failed("tracking", cause))?;
    let version = applied(store, &mut alone.conn).await.map_err(migration::away)?;
    for step in migration::pending(MIGRATIONS, version) {
        take(tables, &mut alone.conn, step).await.map_err(|cause| migration::failed(step.name, cause))?;
    }
    alone.release().await.map_err(migration::away)?;
    Ok(())
}

async fn track(tables: &Tables, conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    statements::run(conn, AssertSqlSafe(tables.fill(TRACKING))).await
}

async fn take(tables: &Tables, conn: &mut MySqlConnection, step: &Migration) -> Result<(), sqlx::Error> {
    statements::run(conn, AssertSqlSafe(tables.fill(step.sql))).await?;
    statements::run(conn, AssertSqlSafe(migration::record(tables, step))).await
}

/// Whether the tables are as this version uses them.
async fn verify(store: &Inner, conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for statement in &store.sql.verify {
        statements::run(conn, statement.clone()).await?;
    }
    Ok(())
}
