//! MariaDB.

use anyhow::Result;
use consumer::MySqlStore;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use super::{
    database::{Database, Row, Size},
    literal,
};

pub(super) struct Mysql {
    store: MySqlStore,
    conn: MySqlConnection,
}

impl Database for Mysql {
    type Store = MySqlStore;

    async fn open(url: &str) -> Result<Self> {
        Ok(Self { store: MySqlStore::connect(url).await?, conn: MySqlConnection::connect(url).await? })
    }

    fn store(&self) -> &MySqlStore {
        &self.store
    }

    async fn add(&mut self, rows: &[Row]) -> Result<()> {
        let text = literal::insert(rows, ("processed_at", time));
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut self.conn).await?;
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        sqlx::raw_sql("ANALYZE TABLE processed_events").execute(&mut self.conn).await?;
        Ok(())
    }

    async fn size(&mut self) -> Result<Size> {
        self.settle().await?;
        let text = "SELECT CAST(data_length AS UNSIGNED), CAST(index_length AS UNSIGNED) \
                    FROM information_schema.tables \
                    WHERE table_schema = DATABASE() AND table_name = 'processed_events'";
        let (table, indexes) = sqlx::query_as(text).fetch_one(&mut self.conn).await?;
        Ok(Size { table, indexes })
    }

    async fn memory(&mut self) -> Result<String> {
        let text = "SELECT CAST(@@innodb_buffer_pool_size DIV 1048576 AS UNSIGNED)";
        let mib: u64 = sqlx::query_scalar(text).fetch_one(&mut self.conn).await?;
        Ok(format!("innodb_buffer_pool_size {mib}MB"))
    }

    async fn close(self) -> Result<()> {
        self.store.pool().close().await;
        Ok(self.conn.close().await?)
    }
}

/// In the session's zone, which sqlx sets to UTC.
fn time(us: i64) -> String {
    format!("FROM_UNIXTIME({}.{:06})", us / 1_000_000, us % 1_000_000)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_keeps_its_microseconds() {
        assert_eq!(super::time(1_750_000_000_000_042), "FROM_UNIXTIME(1750000000.000042)");
    }
}
