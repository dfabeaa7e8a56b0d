//! The statements, with the names of the tables filled in.

use sqlx::{Executor, PgConnection, Postgres, Row, SqlSafeStr, SqlStr};

use super::{
    claims::ClaimsStatements, effects::EffectStatements, failures::FailureStatements,
    outbox::OutboxStatements, pass::PassStatements,
};
use crate::tables::Tables;

/// What runs per delivery or in a loop.
pub(super) struct Statements {
    pub(super) claim: SqlStr,
    pub(super) claims: ClaimsStatements,
    pub(super) find: SqlStr,
    pub(super) sweep: SqlStr,
    pub(super) pass: PassStatements,
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
            pass: PassStatements::new(tables),
            register: tables.sql("SELECT name, id FROM {schema}{prefix}consumers"),
            highest: tables.sql(include_str!("highest.sql")),
            enroll: tables.sql("INSERT INTO {schema}{prefix}consumers (name, id) VALUES ($1, $2)"),
            note: tables.sql("UPDATE {schema}{prefix}consumers SET deployment = $1 WHERE name = $2"),
            enrolled: tables.sql("SELECT name, id, deployment FROM {schema}{prefix}consumers ORDER BY name"),
            applied: tables.sql("SELECT max(version) FROM {schema}{prefix}consumer_migrations"),
            effects: EffectStatements::new(tables),
            failures: FailureStatements::new(tables),
            outbox: OutboxStatements::new(tables),
            verify: vec![
                tables.sql(
                    "SELECT name, id, enrolled_at, deployment FROM {schema}{prefix}consumers WHERE 1 = 0",
                ),
                tables.sql(include_str!("verify.sql")),
                tables.sql("SELECT begun_at, next_page, name FROM {schema}{prefix}sweeps WHERE 1 = 0"),
                tables.sql("SELECT lane, number FROM {schema}{prefix}outbox_keys WHERE 1 = 0"),
                tables.sql(include_str!("outbox/verify.sql")),
                tables.sql(include_str!("effects/verify.sql")),
                tables.sql(include_str!("failures/verify.sql")),
                tables.sql(include_str!("failures/verify_runs.sql")),
            ],
        }
    }
}

/// Whether the connection is in no transaction. As a text of its own, a statement outside one starts at its start.
pub(super) const ALONE: &str = "SELECT now() = statement_timestamp()";

/// Begins a sweep. Each is planned for its own numbers, as on a new connection: on one that has swept before, the server may
/// otherwise go over to a plan for any.
pub(super) const BEGIN_SWEEP: &str = "BEGIN; SET LOCAL plan_cache_mode = force_custom_plan";

/// Ends a unit that sends nothing away: the guard, then the commit, in one trip. Where the guard fails, the server does not go on
/// to the commit. What is chained is empty, and is rolled back: see the room of the unit.
pub(super) const END_UNIT: &str = "RELEASE SAVEPOINT consumer_unit; COMMIT AND CHAIN";

/// Runs a text without parameters, which may hold several statements; they are not prepared and take one trip.
pub(super) async fn run(conn: &mut PgConnection, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
    conn.execute(text.into_sql_str()).await.map(drop)
}

/// Asks one value of a text without parameters.
pub(super) async fn scalar<T>(conn: &mut PgConnection, text: impl SqlSafeStr) -> Result<T, sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    conn.fetch_one(text.into_sql_str()).await?.try_get(0)
}
