//! What an error of PostgreSQL means, by its SQLSTATE.

use std::error::Error as StdError;

use consumer_core::Class;
use sqlx::postgres::PgDatabaseError;

use crate::link;

/// The class of one link of an error's chain.
pub(super) fn class(error: &(dyn StdError + 'static)) -> Option<Class> {
    match code(error) {
        Some(code) => class_of(code),
        None => link::class(error),
    }
}

fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        // Serialization failure, deadlock, lock_timeout.
        "40001" | "40P01" | "55P03" => Class::Conflict,
        // A value too many or too few is bound: no outage, although it is filed under connections.
        "08P01" => Class::DeployWrong,
        // Shutdown, crash, starting up; too many connections, a configured limit; a standby.
        "57P01" | "57P02" | "57P03" | "53300" | "53400" | "25006" => Class::ServerAway,
        "53100" | "53200" => Class::OutOfSpace,
        // A statement was cancelled (statement_timeout), a transaction was left idle.
        "57014" | "25P03" => Class::TimeLimit,
        // Foreign key and unique: what they wait for may still come. Never our own claim, which does not raise them.
        "23503" | "23505" => Class::Transient,
        "23502" | "23514" | "54000" => Class::Permanent,
        // Connections; bad data; tables, columns, functions, syntax and rights; schemas.
        _ => match code.get(..2)? {
            "08" => Class::ServerAway,
            "22" => Class::Permanent,
            "42" | "3F" => Class::DeployWrong,
            _ => return None,
        },
    })
}

/// Whether a transaction is there, but aborted.
pub(super) fn is_aborted(error: &sqlx::Error) -> bool {
    code(error) == Some("25P02")
}

/// Whether the transaction, or its savepoint, is no longer there.
pub(super) fn is_ended(error: &sqlx::Error) -> bool {
    matches!(code(error), Some("25P01" | "3B001"))
}

/// Whether the server had closed the session before, because nobody continued its transaction.
pub(super) fn is_given_up(error: &sqlx::Error) -> bool {
    code(error) == Some("25P03")
}

/// Whether a failed COMMIT has certainly committed nothing: a deferred constraint, a serialization failure. A server
/// that was on its way down may have written it.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    let Some(code) = code(error) else { return false };
    let in_doubt = code == "40003"
        || code.starts_with("57P")
        || ["08", "58", "XX"].iter().any(|of| code.starts_with(of));
    !in_doubt
}

/// Whether a server answered a new connection, and with no: a password, a database or a right.
pub(super) fn says_no(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| ["28", "3D", "42"].iter().any(|class| code.starts_with(class)))
}

/// Whether a table or its schema is not there.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    matches!(code(error), Some("42P01" | "3F000"))
}

fn code<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a str> {
    link::database_error::<PgDatabaseError>(error).map(PgDatabaseError::code)
}
