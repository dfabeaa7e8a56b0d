//! The statements, with the names of the tables filled in.

use sqlx::{Executor, Row, SqlSafeStr, SqlStr, Sqlite, SqliteConnection};

use super::{
    claims::ClaimsStatements, effects::EffectStatements, failures::FailureStatements,
    outbox::OutboxStatements,
};
use crate::tables::Tables;

/// What runs per delivery or in a loop.
pub(super) struct Statements {
    pub(super) claim: SqlStr,
    pub(super) claims: ClaimsStatements,
    pub(super) find: SqlStr,
    pub(super) sweep: SqlStr,
    pub(super) register: SqlStr,
    pub(super) highest: SqlStr,
    pub(super) enroll: SqlStr,
    pub(super) note: SqlStr,
    pub(super) enrolled: SqlStr,
    pub(super) applied: SqlStr,
    pub(super) outbox: OutboxStatements,
    pub(super) effects: EffectStatements,
    pub(super) failures: FailureStatements,
    pub(super) verify: Vec<SqlStr>,
}

impl Statements {
    pub(super) fn new(tables: &Tables) -> Self {
        Self {
            claim: tables.sql(include_str!("claim.sql")),
            claims: ClaimsStatements::new(tables),
            find: tables.sql(include_str!("find.sql")),
            sweep: tables.sql(include_str!("sweep.sql")),
            register: tables.sql("SELECT name, id FROM {prefix}consumers"),
            highest: tables.sql(include_str!("highest.sql")),
            enroll: tables.sql("INSERT INTO {prefix}consumers (name, id) VALUES ($1, $2)"),
            note: tables.sql("UPDATE {prefix}consumers SET deployment = $1 WHERE name = $2"),
            enrolled: tables.sql("SELECT name, id, deployment FROM {prefix}consumers ORDER BY name"),
            applied: tables.sql("SELECT max(version) FROM {prefix}consumer_migrations"),
            effects: EffectStatements::new(tables),
            failures: FailureStatements::new(tables),
            outbox: OutboxStatements::new(tables),
            verify: vec![
                tables.sql("SELECT name, id, enrolled_at, deployment FROM {prefix}consumers WHERE 1 = 0"),
                tables.sql(include_str!("verify.sql")),
                tables.sql("SELECT lane, number FROM {prefix}outbox_keys WHERE 1 = 0"),
                tables.sql(include_str!("outbox/verify.sql")),
                tables.sql(include_str!("effects/verify.sql")),
                tables.sql(include_str!("failures/verify.sql")),
                tables.sql(include_str!("failures/verify_runs.sql")),
            ],
        }
    }
}

/// Now, in milliseconds since the Unix epoch; the same throughout a statement.
pub(super) const NOW: &str = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

/// Takes the one write lock at once: a transaction that reads first and writes later cannot wait for it.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// The same for a unit, with the savepoint.
pub(super) const BEGIN_UNIT: &str = "BEGIN IMMEDIATE; SAVEPOINT consumer_unit";

/// Runs a text without parameters, which may hold several statements.
pub(super) async fn run(conn: &mut SqliteConnection, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
    conn.execute(text.into_sql_str()).await.map(drop)
}

/// Asks one value of a text without parameters.
pub(super) async fn scalar<T>(conn: &mut SqliteConnection, text: impl SqlSafeStr) -> Result<T, sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    conn.fetch_one(text.into_sql_str()).await?.try_get(0)
}
