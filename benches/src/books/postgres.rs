//! On PostgreSQL.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Entries, with_database};

pub(super) async fn create(admin: &str, name: &str) -> sqlx::Result<String> {
    let mut conn = PgConnection::connect(admin).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await?;
    let url = with_database(admin, name);
    let mut fresh = PgConnection::connect(&url).await?;
    sqlx::raw_sql(include_str!("postgres.sql")).execute(&mut fresh).await?;
    // No run pays for the writes of the one before.
    sqlx::raw_sql("CHECKPOINT").execute(&mut fresh).await?;
    fresh.close().await?;
    conn.close().await?;
    Ok(url)
}

pub(super) async fn read(url: &str) -> sqlx::Result<Entries> {
    let mut conn = PgConnection::connect(url).await?;
    let payments = sqlx::query_as("SELECT id, account, cents FROM payments").fetch_all(&mut conn).await?;
    let balances = sqlx::query_as("SELECT account, cents FROM balances").fetch_all(&mut conn).await?;
    conn.close().await?;
    Ok(Entries { payments, balances })
}

pub(super) async fn deadlocks(url: &str) -> sqlx::Result<u64> {
    let mut conn = PgConnection::connect(url).await?;
    let select = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let count: i64 = sqlx::query_scalar(select).fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(count.unsigned_abs())
}

pub(super) async fn drop(admin: &str, name: &str) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect(admin).await?;
    let text = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::raw_sql(text).execute(&mut conn).await?;
    conn.close().await
}
