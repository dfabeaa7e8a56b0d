//! The statements of the outbox, with the names of the tables filled in.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::tables::Tables;

/// What runs per unit, per lease or in a loop, and what people ask for.
pub(in crate::sqlite) struct Statements {
    pub(super) count: SqlStr,
    pub(super) write: SqlStr,
    pub(super) probe: SqlStr,
    pub(super) lease: SqlStr,
    pub(super) renew: SqlStr,
    pub(super) sent: SqlStr,
    pub(super) free: SqlStr,
    pub(super) refuse: SqlStr,
    pub(super) park: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) list: SqlStr,
    pub(super) list_unsent: SqlStr,
    pub(super) find: SqlStr,
    pub(super) release: SqlStr,
    pub(super) discard: SqlStr,
    pub(super) sweep: SqlStr,
}

impl Statements {
    pub(in crate::sqlite) fn new(tables: &Tables) -> Self {
        let list = |filter| {
            let text = tables.sql(include_str!("list.sql"));
            AssertSqlSafe(text.as_str().replace("{filter}", filter)).into_sql_str()
        };
        Self {
            count: tables.sql(include_str!("count.sql")),
            write: tables.sql(include_str!("write.sql")),
            probe: tables.sql(include_str!("probe.sql")),
            lease: tables.sql(include_str!("lease.sql")),
            renew: tables.sql(include_str!("renew.sql")),
            sent: tables.sql(include_str!("sent.sql")),
            free: tables.sql(include_str!("free.sql")),
            refuse: tables.sql(include_str!("refuse.sql")),
            park: tables.sql(include_str!("park.sql")),
            survey: tables.sql(include_str!("survey.sql")),
            list: list("true"),
            list_unsent: list("sent_at_ms IS NULL AND discarded_at_ms IS NULL"),
            find: list("id = $3"),
            release: tables.sql(include_str!("release.sql")),
            discard: tables.sql(include_str!("discard.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
        }
    }
}
