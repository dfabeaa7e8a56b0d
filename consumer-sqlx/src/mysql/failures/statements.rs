//! The statements of the failure records, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::tables::Tables;

/// What runs per failure or in a loop, and what people ask for.
pub(in crate::mysql) struct Statements {
    pub(super) find: SqlStr,
    pub(super) lock: SqlStr,
    pub(super) insert: SqlStr,
    pub(super) update: SqlStr,
    pub(super) reset: SqlStr,
    pub(super) resolve: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) processed: SqlStr,
    /// Lacks the `{records}`.
    pub(super) sweep_processed: String,
    pub(super) sweep_old: SqlStr,
    pub(super) sweep_runs: SqlStr,
    pub(super) mark: SqlStr,
    pub(super) deaths: SqlStr,
    pub(super) clear: SqlStr,
}

impl Statements {
    pub(in crate::mysql) fn new(tables: &Tables) -> Self {
        let select = |rest: &str| tables.sql(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            find: select("WHERE consumer_id = ? AND event_key = ?"),
            lock: select("WHERE consumer_id = ? AND event_key = ? FOR UPDATE"),
            insert: tables.sql(include_str!("insert.sql")),
            update: tables.sql(include_str!("update.sql")),
            reset: tables.sql(include_str!("reset.sql")),
            resolve: tables.sql("DELETE FROM {prefix}event_failures WHERE consumer_id = ? AND event_key = ?"),
            survey: tables.sql(include_str!("survey.sql")),
            processed: tables.sql(include_str!("processed.sql")),
            sweep_processed: tables.sql(include_str!("sweep_processed.sql")).as_str().to_owned(),
            sweep_old: tables.sql(include_str!("sweep_old.sql")),
            sweep_runs: tables.sql(include_str!("sweep_runs.sql")),
            mark: tables.sql(include_str!("mark.sql")),
            deaths: tables
                .sql("SELECT deaths FROM {prefix}message_runs WHERE consumer_id = ? AND message_key = ?"),
            clear: tables.sql("DELETE FROM {prefix}message_runs WHERE consumer_id = ? AND message_key = ?"),
        }
    }
}
