//! The statements of the outbox, with the names of the tables filled in.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::tables::Tables;

/// What runs per unit, per lease or in a loop, and what people ask for.
pub(in crate::postgres) struct Statements {
    pub(super) write: SqlStr,
    pub(super) probe: SqlStr,
    /// Has the relays come one after the other; the text that follows the begin of a transaction.
    pub(super) queue: String,
    pub(super) lease: SqlStr,
    pub(super) renew: SqlStr,
    pub(super) sent: SqlStr,
    pub(super) settle: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) list: SqlStr,
    pub(super) list_unsent: SqlStr,
    pub(super) find: SqlStr,
    pub(super) release: SqlStr,
    pub(super) discard: SqlStr,
    pub(super) sweep: SqlStr,
}

impl Statements {
    pub(in crate::postgres) fn new(tables: &Tables) -> Self {
        let list = |filter| {
            let text = tables.sql(include_str!("list.sql"));
            AssertSqlSafe(text.as_str().replace("{filter}", filter)).into_sql_str()
        };
        Self {
            write: tables.sql(include_str!("write.sql")),
            probe: tables.sql(include_str!("probe.sql")),
            queue: format!(
                "SELECT pg_advisory_xact_lock(hashtextextended('{}', 0))",
                tables.name("outbox_relays")
            ),
            lease: tables.sql(include_str!("lease.sql")),
            renew: tables.sql(include_str!("renew.sql")),
            sent: tables.sql(include_str!("sent.sql")),
            settle: tables.sql(include_str!("settle.sql")),
            survey: tables.sql(include_str!("survey.sql")),
            list: list("true"),
            list_unsent: list("sent_at IS NULL AND discarded_at IS NULL"),
            find: list("id = $3"),
            release: tables.sql(include_str!("release.sql")),
            discard: tables.sql(include_str!("discard.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
        }
    }
}
