//! The statements of the effect ledger, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::tables::Tables;

/// What runs per effect or in a loop, and what people ask for.
pub(in crate::mysql) struct Statements {
    /// Lacks the `{rows}`.
    pub(super) write: String,
    pub(super) begin: SqlStr,
    pub(super) start: SqlStr,
    /// Lacks the `{names}`.
    pub(super) look: String,
    /// Lacks the `{names}`.
    pub(super) due: String,
    /// Lacks the `{ids}` and the `{lease}`.
    pub(super) lease: String,
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
    pub(in crate::mysql) fn new(tables: &Tables) -> Self {
        let template = |text: &str| tables.sql(text).as_str().to_owned();
        let select = |rest: &str| tables.sql(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            write: template(include_str!("write.sql")),
            begin: tables.sql(include_str!("begin.sql")),
            start: tables.sql(include_str!("start.sql")),
            look: template(include_str!("look.sql")),
            due: select(include_str!("due.sql")).as_str().to_owned(),
            lease: template(include_str!("lease.sql")),
            renew: tables.sql(include_str!("renew.sql")),
            finish: tables.sql(include_str!("finish.sql")),
            note: tables.sql(include_str!("note.sql")),
            find: select("WHERE id = ?"),
            of: select(
                "WHERE consumer_id = ? AND event_key = ? AND moment = 'before' ORDER BY created_at, id",
            ),
            list: select(&format!("WHERE {LISTED}")),
            list_open: select(&format!("WHERE finished_at IS NULL AND {LISTED}")),
            compensate: tables.sql(include_str!("compensate.sql")),
            processed: tables.sql(include_str!("processed.sql")),
            keep: template(include_str!("keep.sql")),
            resolve: tables.sql(include_str!("resolve.sql")),
            release: tables.sql(include_str!("release.sql")),
            count: tables.sql(include_str!("count.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
        }
    }
}

/// Parameters: states with commas between them, none for all, twice; effect, twice; how many.
const LISTED: &str = "\
    (? = '' OR FIND_IN_SET(state, ?) AND NOT (state = 'failed' AND finished_at IS NOT NULL)) \
    AND (? IS NULL OR effect = ?) \
    ORDER BY created_at, id LIMIT ?";
