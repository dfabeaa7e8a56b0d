//! What an error of SQLite means, by its extended code.

use std::error::Error as StdError;

use consumer_core::Class;
use sqlx::{error::DatabaseError, sqlite::SqliteError};

use crate::link;

/// The class of one link of an error's chain.
pub(super) fn class(error: &(dyn StdError + 'static)) -> Option<Class> {
    match link::database_error::<SqliteError>(error) {
        Some(error) => class_of(code(error), error.message()),
        None => link::class(error),
    }
}

fn class_of(code: i32, message: &str) -> Option<Class> {
    Some(match code {
        // Foreign key; primary key, unique, rowid: what they wait for may still come. Never our own claim.
        787 | 1555 | 2067 | 2579 => Class::Transient,
        // Check, not null, the type of a STRICT table.
        275 | 1299 | 3091 => Class::Permanent,
        // The rest by the primary code, the low byte of the extended one.
        _ => match code & 0xff {
            // Busy, locked, schema changed meanwhile.
            5 | 6 | 17 => Class::Conflict,
            // I/O error, corrupt, cannot open, not a database.
            10 | 11 | 14 | 26 => Class::ServerAway,
            // No memory, disk full.
            7 | 13 => Class::OutOfSpace,
            9 => Class::TimeLimit,
            // Permission, read-only, not authorised, a parameter out of range.
            3 | 8 | 23 | 25 => Class::DeployWrong,
            // Too big, mismatch.
            18 | 20 => Class::Permanent,
            // SQLite gives one code to all that is wrong with a statement.
            1 if is_about_the_schema(message) => Class::DeployWrong,
            _ => return None,
        },
    })
}

fn is_about_the_schema(message: &str) -> bool {
    let missing = ["no such table", "no such column", "no such function", "no such collation"];
    missing.iter().any(|text| message.starts_with(text))
        || message.contains("has no column named")
        || message.contains("syntax error")
}

/// Whether the savepoint is no longer there.
pub(super) fn is_ended(error: &sqlx::Error) -> bool {
    says(error, "no such savepoint")
}

/// Whether there was no transaction to roll back.
pub(super) fn is_idle(error: &sqlx::Error) -> bool {
    says(error, "cannot rollback")
}

/// Whether a table is not there.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    says(error, "no such table")
}

/// Whether a failed COMMIT has certainly committed nothing: a deferred constraint, a full disk. After an I/O error
/// nobody knows what reached the disk.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    link::database_error::<SqliteError>(error).is_some_and(|error| code(error) & 0xff != 10)
}

fn says(error: &sqlx::Error, beginning: &str) -> bool {
    link::database_error::<SqliteError>(error).is_some_and(|error| error.message().starts_with(beginning))
}

fn code(error: &SqliteError) -> i32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(1)
}
