//! Settings under which a commit is no promise.

use consumer_core::{Error, doctor::Finding};
use sqlx::{SqliteConnection, SqlitePool};

use super::statements;
use crate::{examination::risk, refusal::Refusal};

/// What a rollback journal must not be.
const UNSAFE_JOURNALS: [&str; 2] = ["off", "memory"];

/// What is said where it is something else. `synchronous` is no risk: each session sets it.
pub(super) const KEPT: &str = "the journal is in a file, and each session syncs its commits";

/// A database in memory forgets its claims with its last connection, while RabbitMQ keeps the messages.
pub(super) async fn refuse_memory(pool: &SqlitePool) -> Result<(), Refusal> {
    let file: Result<String, _> =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'").fetch_one(pool).await;
    match file {
        Ok(file) if file.is_empty() => Err(in_memory()),
        Ok(_) => Ok(()),
        Err(cause) => Err(unread().because(cause)),
    }
}

fn in_memory() -> Refusal {
    Refusal::new(
        Error::settings,
        "SQLite in memory forgets what was processed, and each of its connections may see a database of its own",
        "give it a file (in a test, one in a temporary directory)",
    )
}

fn unread() -> Refusal {
    Refusal::new(
        Error::unavailable,
        "the SQLite file cannot be read",
        "check that it is a database and that no other program keeps it locked",
    )
}

/// A journal with which a crash while writing would leave a broken file.
pub(super) async fn risks(conn: &mut SqliteConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let mode: String = statements::scalar(conn, "PRAGMA journal_mode").await?;
    Ok(UNSAFE_JOURNALS.contains(&mode.as_str()).then(|| breakable(&mode)).into_iter().collect())
}

fn breakable(mode: &str) -> Finding {
    risk(
        format!("SQLite runs with `journal_mode = {mode}`: a crash while it writes can break the file"),
        "use WAL".to_owned(),
    )
}
