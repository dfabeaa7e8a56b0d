//! What an error of MySQL or MariaDB means, by its number: many share the SQLSTATE `HY000`.

use std::error::Error as StdError;

use consumer_core::Class;
use sqlx::mysql::MySqlDatabaseError;

use crate::link;

/// The class of one link of an error's chain.
pub(super) fn class(error: &(dyn StdError + 'static)) -> Option<Class> {
    match number(error) {
        Some(number) => class_of(number),
        None => link::class(error),
    }
}

fn class_of(number: u16) -> Option<Class> {
    Some(match number {
        // Deadlock, lock wait, a row or a table's definition changed meanwhile, a statement to prepare again.
        1213 | 1205 | 1020 | 1412 | 1615 => Class::Conflict,
        // Too many connections (of all, of the user, of a resource), shutdown, killed, read-only, network, idle.
        1040 | 1203 | 1226 | 1053 | 1077 | 1079 | 1927 | 1290 | 1792 | 1836 | 1158..=1161 | 4031 => {
            Class::ServerAway
        }
        // Table full, disk full, out of memory, too many locks.
        1114 | 1021 | 1037 | 1038 | 1041 | 1206 => Class::OutOfSpace,
        // Unknown database, table, column, function; denied; syntax; statements logged where READ COMMITTED needs rows.
        1044 | 1049 | 1051 | 1054 | 1064 | 1142 | 1143 | 1146 | 1305 | 1370 | 1665 => Class::DeployWrong,
        // MySQL's and MariaDB's statement limits, interrupted.
        3024 | 1969 | 1317 => Class::TimeLimit,
        // Foreign key (child and parent side), unique: what they wait for may still come. Never our own claim.
        1216 | 1217 | 1451 | 1452 | 1062 | 1169 | 1586 => Class::Transient,
        // Too long, wrong value, out of range, no default, null, cut, CHECK of both servers.
        1406 | 1366 | 1264 | 1364 | 1048 | 1265 | 1292 | 4025 | 3819 => Class::Permanent,
        _ => return None,
    })
}

/// Whether the savepoint, and so its transaction, is no longer there.
pub(super) fn is_ended(error: &sqlx::Error) -> bool {
    number(error) == Some(1305)
}

/// Whether the claim's own key is taken. A trigger on the table may violate some other key.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    let error = link::database_error::<MySqlDatabaseError>(error);
    error.is_some_and(|error| error.number() == 1062 && error.message().ends_with("PRIMARY'"))
}

/// Whether the transaction was the victim of a deadlock, and is gone.
pub(super) fn is_deadlock(error: &sqlx::Error) -> bool {
    number(error) == Some(1213)
}

/// Whether a failed COMMIT has certainly committed nothing: a conflict that a cluster found at the end, a server that
/// has become read-only. Any other failure may have come after it was written.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1213 | 1205 | 1290 | 1792 | 1836 | 3101))
}

/// Whether a server answered a new connection, and with no: a password, a database or a host.
pub(super) fn says_no(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1044 | 1045 | 1049 | 1130 | 1251 | 1698 | 3159))
}

/// Whether a table is not there.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    number(error) == Some(1146)
}

fn number(error: &(dyn StdError + 'static)) -> Option<u16> {
    link::database_error::<MySqlDatabaseError>(error).map(MySqlDatabaseError::number)
}
