//! Migrations: the steps that lead to the tables this version needs.
//!
//! sqlx's own migrator is not used: on SQLite it takes no lock, on the others a failure leaves its session lock to the
//! pool, and an application may have migrations of its own in the same database.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::time::Duration;

use consumer_core::Error;

use crate::{refusal::Refusal, tables::Tables};

/// How long to wait for another process that migrates. A step of ours takes a moment; what takes longer, hangs.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The table that says which steps were taken.
pub(crate) const TRACKING: &str = "consumer_migrations";

/// One step. What was released never changes: a later version adds steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// From 1, without gaps.
    pub(crate) version: i32,
    /// What it is about.
    pub(crate) name: &'static str,
    /// Statements, each ending with a semicolon.
    pub(crate) sql: &'static str,
}

/// The steps that are left after `applied`. A database that is ahead belongs to a newer version of this crate, whose
/// tables the older ones can use too: there is nothing to do.
pub(crate) fn pending(all: &[Migration], applied: i32) -> &[Migration] {
    let done = usize::try_from(applied).unwrap_or(0).min(all.len());
    &all[done..]
}

/// All steps as one text, for a person to read and run.
pub(crate) fn script(tables: &Tables, tracking: &str, all: &[Migration]) -> String {
    let mut text = tables.fill(tracking);
    for migration in all {
        text.push_str(&format!("\n-- {}: {}\n", migration.version, migration.name));
        text.push_str(&tables.fill(migration.sql));
        text.push_str(&record(tables, migration));
    }
    text
}

/// The statement that says that a step was taken.
pub(crate) fn record(tables: &Tables, migration: &Migration) -> String {
    let Migration { version, name, .. } = migration;
    format!("INSERT INTO {} (version, name) VALUES ({version}, '{name}');\n", tables.name(TRACKING))
}

/// The tables are behind, and this process may not or cannot change them.
pub(crate) fn behind(tables: &Tables, applied: i32, needed: i32) -> Refusal {
    let found = if applied == 0 { "not there".to_owned() } else { format!("of version {applied}") };
    Refusal::new(
        Error::schema,
        format!("the tables of `consumer` are {found} and version {needed} is needed"),
        format!(
            "run the statements that `StoreBuilder::migrations` prints as a role that may create tables, or let the store \
             create them (without `verify_only`, as such a role); the versions are recorded in {}",
            tables.name(TRACKING)
        ),
    )
}

/// The tables are recorded as current, but they are not as recorded.
pub(crate) fn altered(tables: &Tables, cause: sqlx::Error) -> Refusal {
    Refusal::new(
        Error::schema,
        format!("the tables of `consumer` differ from what {} says of them", tables.name(TRACKING)),
        "a table, a column or a right is missing, or another application uses the same names (then set a schema or a table \
         prefix of your own)",
    )
    .because(cause)
}

/// Nobody knows how the tables are.
pub(crate) fn away(cause: sqlx::Error) -> Refusal {
    Refusal::new(
        Error::unavailable,
        "the tables of `consumer` cannot be looked up in the database",
        "check that it answers and that the role may read them",
    )
    .because(cause)
}

/// A step failed.
pub(crate) fn failed(step: &str, cause: sqlx::Error) -> Error {
    Error::schema(format!(
        "the tables of `consumer` cannot be created ({step}): the role may lack the right, or a table of another \
         application has the name (then set a schema or a table prefix of your own)"
    ))
    .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [Migration; 2] = [
        Migration { version: 1, name: "one", sql: "A;\n" },
        Migration { version: 2, name: "two", sql: "B;\n" },
    ];

    #[test]
    fn what_is_pending_follows_what_was_applied() {
        let versions = |applied| pending(&TWO, applied).iter().map(|step| step.version).collect::<Vec<_>>();
        assert_eq!(
            (versions(0), versions(1), versions(2), versions(9)),
            (vec![1, 2], vec![2], vec![], vec![])
        );
    }

    #[test]
    fn the_script_records_each_step() {
        let text = script(&Tables::default(), "T;\n", &TWO);
        assert!(text.starts_with("T;\n\n-- 1: one\nA;\nINSERT INTO consumer_migrations"), "{text}");
    }
}
