//! On MariaDB.

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::{Entries, with_database};

pub(super) async fn create(admin: &str, name: &str) -> sqlx::Result<String> {
    let mut conn = MySqlConnection::connect(admin).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await?;
    let url = with_database(admin, name);
    let mut fresh = MySqlConnection::connect(&url).await?;
    sqlx::raw_sql(include_str!("mysql.sql")).execute(&mut fresh).await?;
    fresh.close().await?;
    conn.close().await?;
    Ok(url)
}

pub(super) async fn read(url: &str) -> sqlx::Result<Entries> {
    let mut conn = MySqlConnection::connect(url).await?;
    let payments = sqlx::query_as("SELECT id, account, cents FROM payments").fetch_all(&mut conn).await?;
    let balances = sqlx::query_as("SELECT account, cents FROM balances").fetch_all(&mut conn).await?;
    conn.close().await?;
    Ok(Entries { payments, balances })
}

pub(super) async fn deadlocks(url: &str) -> sqlx::Result<u64> {
    let mut conn = MySqlConnection::connect(url).await?;
    let (_, count): (String, String) =
        sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").fetch_one(&mut conn).await?;
    conn.close().await?;
    count.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(super) async fn drop(admin: &str, name: &str) -> sqlx::Result<()> {
    let mut conn = MySqlConnection::connect(admin).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut conn).await?;
    conn.close().await
}
