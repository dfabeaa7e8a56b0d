//! The statements of the failure records, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::{sqlite::statements::NOW, tables::Tables};

/// What runs per failure or in a loop, and what people ask for.
pub(in crate::sqlite) struct Statements {
    pub(super) find: SqlStr,
    pub(super) write: SqlStr,
    pub(super) reset: SqlStr,
    pub(super) resolve: SqlStr,
    pub(super) survey: SqlStr,
    pub(super) sweep: SqlStr,
    pub(super) sweep_runs: SqlStr,
    pub(super) mark: SqlStr,
    pub(super) clear: SqlStr,
}

impl Statements {
    pub(in crate::sqlite) fn new(tables: &Tables) -> Self {
        let fill = |text: &str| tables.sql(&text.replace("{now}", NOW));
        let select = |rest: &str| fill(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            find: select("WHERE consumer_id = $1 AND event_key = $2"),
            write: fill(include_str!("write.sql")),
            reset: fill(include_str!("reset.sql")),
            resolve: fill("DELETE FROM {prefix}event_failures WHERE consumer_id = $1 AND event_key = $2"),
            survey: fill(include_str!("survey.sql")),
            sweep: fill(include_str!("sweep.sql")),
            sweep_runs: fill(include_str!("sweep_runs.sql")),
            mark: fill(include_str!("mark.sql")),
            clear: fill("DELETE FROM {prefix}message_runs WHERE consumer_id = $1 AND message_key = $2"),
        }
    }
}
