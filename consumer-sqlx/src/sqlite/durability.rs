//! Settings under which a commit is no promise.

use consumer_core::{Error, Result};
use sqlx::SqlitePool;

use super::statements;

/// What a rollback journal must not be.
const UNSAFE_JOURNALS: [&str; 2] = ["off", "memory"];

/// A database in memory forgets its claims with its last connection, while RabbitMQ keeps the messages.
///
/// # Errors
/// [`is_settings`](Error::is_settings).
pub(super) async fn refuse_memory(pool: &SqlitePool) -> Result<()> {
    let file: Result<String, _> =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'").fetch_one(pool).await;
    match file {
        Ok(file) if file.is_empty() => Err(Error::settings(
            "SQLite in memory forgets what was processed, and each of its connections may see a database of its own: \
             give it a file (in a test, one in a temporary directory)",
        )),
        Ok(_) => Ok(()),
        Err(cause) => Err(Error::unavailable("the SQLite file cannot be read").because(cause)),
    }
}

/// Warns where a crash while writing would leave a broken file. `synchronous` needs no warning: each session sets it.
pub(super) async fn warn(pool: &SqlitePool) {
    let Ok(mut conn) = pool.acquire().await else { return };
    let Ok(mode) = statements::scalar::<String>(&mut conn, "PRAGMA journal_mode").await else { return };
    if UNSAFE_JOURNALS.contains(&mode.as_str()) {
        tracing::warn!(
            journal_mode = mode,
            "SQLite runs with `journal_mode = {mode}`: a crash while it writes can break the file; use WAL"
        );
    }
}
