//! SQLite.

use anyhow::Result;
use consumer::SqliteStore;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{
    database::{Database, Row, Size},
    literal,
};

/// For the fill alone: nothing of it has to be durable before its end, and many pages fit into memory.
const SETTINGS: &str = "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144";
/// Rows of one statement.
const AT_ONCE: usize = 1_000;

pub(super) struct Sqlite {
    store: SqliteStore,
    conn: SqliteConnection,
}

impl Database for Sqlite {
    type Store = SqliteStore;

    async fn open(url: &str) -> Result<Self> {
        let store = SqliteStore::connect(url).await?;
        let mut conn = SqliteConnection::connect(url).await?;
        sqlx::raw_sql(SETTINGS).execute(&mut conn).await?;
        Ok(Self { store, conn })
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn add(&mut self, rows: &[Row]) -> Result<()> {
        let mut tx = self.conn.begin().await?;
        for rows in rows.chunks(AT_ONCE) {
            let text = literal::insert(rows, ("processed_at_ms", |us| (us / 1_000).to_string()));
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Empties the log. No ANALYZE: nothing in the library runs one.
    async fn settle(&mut self) -> Result<()> {
        let text = "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = OFF";
        sqlx::raw_sql(text).execute(&mut self.conn).await?;
        Ok(())
    }

    async fn size(&mut self) -> Result<Size> {
        Ok(Size {
            table: self.pages("processed_events").await?,
            indexes: self.pages("processed_events_by_age").await?,
        })
    }

    async fn memory(&mut self) -> Result<String> {
        let mut conn = self.store.pool().acquire().await?;
        let size: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(&mut *conn).await?;
        Ok(format!("cache_size {size}"))
    }

    async fn close(self) -> Result<()> {
        self.store.pool().close().await;
        Ok(self.conn.close().await?)
    }
}

impl Sqlite {
    /// Bytes of a B-tree.
    async fn pages(&mut self, name: &str) -> Result<u64> {
        let text = "SELECT pgsize FROM dbstat WHERE aggregate = TRUE AND name = ?";
        let bytes: i64 = sqlx::query_scalar(text).bind(name).fetch_one(&mut self.conn).await?;
        Ok(bytes.try_into()?)
    }
}
