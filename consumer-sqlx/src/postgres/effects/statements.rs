//! The statements of the effect ledger, with the names of the tables filled in.

use sqlx::SqlStr;

use crate::tables::Tables;

/// What runs per effect or in a loop, and what people ask for.
pub(in crate::postgres) struct Statements {
    pub(super) write: SqlStr,
    pub(super) begin: SqlStr,
    pub(super) start: SqlStr,
    pub(super) look: SqlStr,
    pub(super) due: SqlStr,
    pub(super) lease: SqlStr,
    pub(super) renew: SqlStr,
    pub(super) finish: SqlStr,
    pub(super) note: SqlStr,
    pub(super) find: SqlStr,
    pub(super) of: SqlStr,
    pub(super) list: SqlStr,
    pub(super) list_open: SqlStr,
    pub(super) compensate: SqlStr,
    pub(super) processed: SqlStr,
    pub(super) keep: SqlStr,
    pub(super) resolve: SqlStr,
    pub(super) release: SqlStr,
    pub(super) count: SqlStr,
    pub(super) sweep: SqlStr,
}

impl Statements {
    pub(in crate::postgres) fn new(tables: &Tables) -> Self {
        let select = |rest: &str| tables.sql(&format!("{}\n{rest}", include_str!("columns.sql")));
        Self {
            write: tables.sql(include_str!("write.sql")),
            begin: tables.sql(include_str!("begin.sql")),
            start: tables.sql(include_str!("start.sql")),
            look: tables.sql(include_str!("look.sql")),
            due: select(include_str!("due.sql")),
            lease: tables.sql(include_str!("lease.sql")),
            renew: tables.sql(include_str!("renew.sql")),
            finish: tables.sql(include_str!("finish.sql")),
            note: tables.sql(include_str!("note.sql")),
            find: select("WHERE id = $1"),
            of: select(
                "WHERE consumer_id = $1 AND event_key = $2 AND moment = 'before' ORDER BY created_at, id",
            ),
            list: select(&format!("WHERE {LISTED}")),
            list_open: select(&format!("WHERE finished_at IS NULL AND {LISTED}")),
            compensate: tables.sql(include_str!("compensate.sql")),
            processed: tables.sql(include_str!("processed.sql")),
            keep: tables.sql(include_str!("keep.sql")),
            resolve: tables.sql(include_str!("resolve.sql")),
            release: tables.sql(include_str!("release.sql")),
            count: tables.sql(include_str!("count.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
        }
    }
}

/// $1: states, none for all; $2: effect; $3: how many.
const LISTED: &str = "\
    (cardinality($1::text[]) = 0 OR state = ANY ($1) AND NOT (state = 'failed' AND finished_at IS NOT NULL)) \
    AND ($2::text IS NULL OR effect = $2) \
    ORDER BY created_at, id LIMIT $3";
