//! On SQLite: a file in the directory that stands for the server.

use std::{fs, path::Path};

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::Entries;

pub(super) async fn create(admin: &str, name: &str) -> sqlx::Result<String> {
    let dir = Path::new(admin).join(name);
    fs::create_dir_all(&dir)?;
    let file = dir.join("books.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut conn = options.journal_mode(SqliteJournalMode::Wal).connect().await?;
    sqlx::raw_sql(include_str!("sqlite.sql")).execute(&mut conn).await?;
    conn.close().await?;
    Ok(format!("sqlite://{}", file.display()))
}

pub(super) async fn read(url: &str) -> sqlx::Result<Entries> {
    let mut conn = sqlx::SqliteConnection::connect(url).await?;
    let payments = sqlx::query_as("SELECT id, account, cents FROM payments").fetch_all(&mut conn).await?;
    let balances = sqlx::query_as("SELECT account, cents FROM balances").fetch_all(&mut conn).await?;
    conn.close().await?;
    Ok(Entries { payments, balances })
}

pub(super) fn drop(admin: &str, name: &str) -> std::io::Result<()> {
    fs::remove_dir_all(Path::new(admin).join(name))
}
