//! PostgreSQL.

use anyhow::{Result, ensure};
use consumer::PgStore;
use sqlx::{Connection, PgConnection};

use super::database::{Database, Row, Size};

const COPY: &str = "COPY processed_events (processed_at, consumer_id, event_key, stamp, readable_id) \
                    FROM STDIN (FORMAT binary)";
/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COLUMNS: i16 = 5;
const NULL: i32 = -1;
const END: i16 = -1;
/// PostgreSQL counts from 2000 on.
const ITS_1970_US: i64 = -946_684_800_000_000;

pub(super) struct Postgres {
    store: PgStore,
    conn: PgConnection,
}

impl Database for Postgres {
    type Store = PgStore;

    async fn open(url: &str) -> Result<Self> {
        Ok(Self { store: PgStore::connect(url).await?, conn: PgConnection::connect(url).await? })
    }

    fn store(&self) -> &PgStore {
        &self.store
    }

    async fn add(&mut self, rows: &[Row]) -> Result<()> {
        let mut copy = self.conn.copy_in_raw(COPY).await?;
        copy.send(binary(rows)).await?;
        let copied = copy.finish().await?;
        ensure!(copied == rows.len() as u64, "{copied} rows copied of {}", rows.len());
        Ok(())
    }

    /// VACUUM sets the hints that whoever reads a row first would set, CHECKPOINT writes what is dirty.
    async fn settle(&mut self) -> Result<()> {
        for text in ["VACUUM (ANALYZE) processed_events", "CHECKPOINT"] {
            sqlx::raw_sql(text).execute(&mut self.conn).await?;
        }
        Ok(())
    }

    async fn size(&mut self) -> Result<Size> {
        let text = "SELECT pg_relation_size('processed_events'), pg_indexes_size('processed_events')";
        let (table, indexes): (i64, i64) = sqlx::query_as(text).fetch_one(&mut self.conn).await?;
        Ok(Size { table: table.try_into()?, indexes: indexes.try_into()? })
    }

    async fn memory(&mut self) -> Result<String> {
        let value: String = sqlx::query_scalar("SHOW shared_buffers").fetch_one(&mut self.conn).await?;
        Ok(format!("shared_buffers {value}"))
    }

    async fn close(self) -> Result<()> {
        self.store.pool().close().await;
        Ok(self.conn.close().await?)
    }
}

/// Rows in the format of COPY.
fn binary(rows: &[Row]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for Row { claim, at_us } in rows {
        bytes.extend(COLUMNS.to_be_bytes());
        field(&mut bytes, &(at_us + ITS_1970_US).to_be_bytes());
        field(&mut bytes, &claim.consumer.0.to_be_bytes());
        field(&mut bytes, claim.key.as_bytes());
        field(&mut bytes, &claim.stamp());
        match &claim.readable_id {
            Some(id) => field(&mut bytes, id.as_bytes()),
            None => bytes.extend(NULL.to_be_bytes()),
        }
    }
    bytes.extend(END.to_be_bytes());
    bytes
}

fn field(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend((value.len() as i32).to_be_bytes());
    bytes.extend(value);
}

#[cfg(test)]
mod tests {
    use consumer_core::inbox::ConsumerId;

    use super::{
        super::ids::{Ids, Source},
        *,
    };

    #[test]
    fn a_row_has_its_fields_with_their_lengths() {
        let row = |ids| Row { claim: Source::new(ids, ConsumerId(3)).claim(7), at_us: -ITS_1970_US };
        let of = |row: &Row| binary(std::slice::from_ref(row));
        let bytes = of(&row(Ids::Uuid4));
        let head = HEADER.len();
        assert_eq!((head, &bytes[head..head + 14]), (19, &[0, 5, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(bytes[head + 14..head + 22], [0, 0, 0, 4, 0, 0, 0, 3]);
        assert_eq!(bytes.len(), head + 2 + 12 + 8 + 20 + 20 + 4 + 2);
        assert!(bytes.ends_with(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "no text, and the end");
        assert_eq!(of(&row(Ids::Text)).len(), bytes.len() + 28);
    }
}
