//! The statements of the effect ledger, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::{sqlite::statements::NOW, tables::Tables};

/// What runs per effect or in a loop, and what people ask for.
pub(in crate::sqlite) struct Statements {
    /// Lacks the `{rows}`.
    pub(super) write: String,
    pub(super) begin: SqlStr,
    pub(super) start: SqlStr,
    /// Lacks the `{names}`.
    pub(super) look: String,
    /// Lacks the `{names}`.
    pub(super) due: String,
    pub(super) renew: SqlStr,
    pub(super) finish: SqlStr,
    pub(super) note: SqlStr,
    pub(super) find: SqlStr,
    pub(super) of: SqlStr,
    pub(super) list: SqlStr,
    pub(super) list_open: SqlStr,
    pub(super) compensate: SqlStr,
    pub(super) processed: SqlStr,
    /// Lacks the `{ids}`.
    pub(super) keep: String,
    pub(super) resolve: SqlStr,
    pub(super) release: SqlStr,
    pub(super) count: SqlStr,
    pub(super) sweep: SqlStr,
}

impl Statements {
    pub(in crate::sqlite) fn new(tables: &Tables) -> Self {
        let fill = |text: &str| tables.sql(&text.replace("{now}", NOW));
        let template = |text: &str| fill(text).as_str().to_owned();
        let select = |rest: &str| fill(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            write: template(include_str!("write.sql")),
            begin: fill(include_str!("begin.sql")),
            start: fill(include_str!("start.sql")),
            look: template(include_str!("look.sql")),
            due: select(include_str!("due.sql")).as_str().to_owned(),
            renew: fill(include_str!("renew.sql")),
            finish: fill(include_str!("finish.sql")),
            note: fill(include_str!("note.sql")),
            find: select("WHERE id = $1"),
            of: select(
                "WHERE consumer_id = $1 AND event_key = $2 AND moment = 'before' ORDER BY created_at_ms, rowid",
            ),
            list: select(&format!("WHERE {LISTED}")),
            list_open: select(&format!("WHERE finished_at_ms IS NULL AND {LISTED}")),
            compensate: fill(include_str!("compensate.sql")),
            processed: fill(include_str!("processed.sql")),
            keep: template(include_str!("keep.sql")),
            resolve: fill(include_str!("resolve.sql")),
            release: fill(include_str!("release.sql")),
            count: fill(include_str!("count.sql")),
            sweep: fill(include_str!("sweep.sql")),
        }
    }
}

/// $1: states, each with a comma before and after it, none for all; $2: effect; $3: how many.
const LISTED: &str = "\
    ($1 = ',' OR instr($1, ',' || state || ',') AND NOT (state = 'failed' AND finished_at_ms IS NOT NULL)) \
    AND ($2 IS NULL OR effect = $2) \
    ORDER BY created_at_ms, rowid LIMIT $3";
