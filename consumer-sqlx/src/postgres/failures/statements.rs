//! The statements of the failure records, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::tables::Tables;

/// What runs per failure or in a loop, and what people ask for.
pub(in crate::postgres) struct Statements {
    pub(super) find: SqlStr,
    pub(super) lock: SqlStr,
    pub(super) insert: SqlStr,
    pub(super) update: SqlStr,
    pub(super) reset: SqlStr,
    pub(super) resolve: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) sweep: SqlStr,
    pub(super) sweep_runs: SqlStr,
    pub(super) mark: SqlStr,
    pub(super) clear: SqlStr,
}

impl Statements {
    pub(in crate::postgres) fn new(tables: &Tables) -> Self {
        let select = |rest: &str| tables.sql(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            find: select("WHERE consumer_id = $1 AND event_key = $2"),
            lock: select("WHERE consumer_id = $1 AND event_key = $2 FOR UPDATE"),
            insert: tables.sql(include_str!("insert.sql")),
            update: tables.sql(include_str!("update.sql")),
            reset: tables.sql(include_str!("reset.sql")),
            resolve: tables
                .sql("DELETE FROM {schema}{prefix}event_failures WHERE consumer_id = $1 AND event_key = $2"),
            survey: tables.sql(include_str!("survey.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
            sweep_runs: tables.sql(include_str!("sweep_runs.sql")),
            mark: tables.sql(include_str!("mark.sql")),
            clear: tables
                .sql("DELETE FROM {schema}{prefix}message_runs WHERE consumer_id = $1 AND message_key = $2"),
        }
    }
}
