//! The statements, with the names of the tables filled in.

use sqlx::{Executor, MySql, MySqlConnection, Row, SqlSafeStr, SqlStr};

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
            enroll: tables
                .sql("INSERT INTO {prefix}consumers (name, id, enrolled_at) VALUES (?, ?, UTC_TIMESTAMP(6))"),
            note: tables.sql("UPDATE {prefix}consumers SET deployment = ? WHERE name = ?"),
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
                tables.sql("SELECT id FROM {prefix}outbox_relays WHERE 1 = 0"),
                tables.sql(include_str!("effects/verify.sql")),
                tables.sql(include_str!("failures/verify.sql")),
                tables.sql(include_str!("failures/verify_runs.sql")),
            ],
        }
    }
}

/// Begins a unit, with the savepoint. The rollback comes first, because without autocommit START TRANSACTION commits
/// what is open.
pub(super) const BEGIN_UNIT: &str = "ROLLBACK; START TRANSACTION; SAVEPOINT consumer_unit";

/// Begins a sweep, whose statements say why in READ COMMITTED. It sets the level of this one transaction and not that of the
/// session, which goes back to the application. The rollback comes first for the reason above, and because in a transaction the
/// level cannot be set.
pub(super) const BEGIN_SWEEP: &str =
    "ROLLBACK; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION";

/// Ends what a statement outside a unit has begun: without autocommit, each begins a transaction.
pub(super) const COMMIT: &str = "COMMIT";

/// Runs a text without parameters, which may hold several statements; they are not prepared and take one trip.
pub(super) async fn run(conn: &mut MySqlConnection, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
    conn.execute(text.into_sql_str()).await.map(drop)
}

/// Asks one value of a text without parameters.
pub(super) async fn scalar<T>(conn: &mut MySqlConnection, text: impl SqlSafeStr) -> Result<T, sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, MySql> + sqlx::Type<MySql>,
{
    conn.fetch_one(text.into_sql_str()).await?.try_get(0)
}
