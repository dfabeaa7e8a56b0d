//! The statements of the outbox, with the names of the tables filled in.

use consumer_core::storage::RelayId;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{outbox_row::list, tables::Tables};

/// What runs per unit, per lease or in a loop, and what people ask for.
pub(in crate::mysql) struct Statements {
    /// The beginning of the statement that counts.
    pub(super) count: SqlStr,
    /// The beginning of the statement that writes.
    pub(super) write: SqlStr,
    /// The table of lanes.
    pub(super) keys: String,
    pub(super) probe: SqlStr,
    /// Has the relays come one after the other.
    pub(super) queue: SqlStr,
    pub(super) pick: SqlStr,
    pub(super) lease: SqlStr,
    pub(super) leased: SqlStr,
    pub(super) renew: SqlStr,
    pub(super) sent: SqlStr,
    pub(super) free: SqlStr,
    pub(super) refuse: SqlStr,
    pub(super) park: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) list: SqlStr,
    pub(super) release: SqlStr,
    pub(super) discard: SqlStr,
    pub(super) sweep: [SqlStr; 2],
}

impl Statements {
    pub(in crate::mysql) fn new(tables: &Tables) -> Self {
        Self {
            count: tables.sql(include_str!("count.sql")),
            write: tables.sql(include_str!("write.sql")),
            keys: tables.name("outbox_keys"),
            probe: tables.sql(include_str!("probe.sql")),
            queue: tables.sql("SELECT id FROM {prefix}outbox_relays WHERE id = 1 FOR UPDATE"),
            pick: tables.sql(include_str!("pick.sql")),
            lease: tables.sql(include_str!("lease.sql")),
            leased: tables.sql(include_str!("leased.sql")),
            renew: tables.sql(include_str!("renew.sql")),
            sent: tables.sql(include_str!("sent.sql")),
            free: tables.sql(include_str!("free.sql")),
            refuse: tables.sql(include_str!("refuse.sql")),
            park: tables.sql(include_str!("park.sql")),
            survey: tables.sql(include_str!("survey.sql")),
            list: tables.sql(include_str!("list.sql")),
            release: tables.sql(include_str!("release.sql")),
            discard: tables.sql(include_str!("discard.sql")),
            sweep: [
                tables.sql(include_str!("sweep_sent.sql")),
                tables.sql(include_str!("sweep_discarded.sql")),
            ],
        }
    }
}

/// A text about rows, with its numbers written into it: a prepared statement would be another one for each count of rows.
pub(super) fn about(
    statement: &SqlStr,
    rows: impl Iterator<Item = i64>,
    relay: Option<RelayId>,
    lease_us: i64,
) -> SqlStr {
    let relay = relay.map_or_else(|| "NULL".to_owned(), |relay| format!("X'{}'", relay.0.simple()));
    let text = statement.as_str().replace("{positions}", &list(rows)).replace("{relay}", &relay);
    // Whole numbers and hexadecimal digits.
    AssertSqlSafe(text.replace("{lease}", &lease_us.to_string())).into_sql_str()
}

/// Several texts as one, in one trip, with the commit at the end: without autocommit a look begins a transaction as well.
pub(super) fn committed<'a>(statements: impl IntoIterator<Item = &'a SqlStr>) -> SqlStr {
    let texts = statements.into_iter().map(|text| text.as_str().trim_end()).chain(["COMMIT"]);
    AssertSqlSafe(texts.collect::<Vec<_>>().join("; ")).into_sql_str()
}
