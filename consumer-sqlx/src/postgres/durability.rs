//! Settings under which a commit is no promise.

use consumer_core::doctor::Finding;
use sqlx::PgConnection;

use crate::examination::risk;

/// What breaks the promise: a crash of the server then forgets commits that it has confirmed, and the message is gone.
const NEEDED: &str = "SELECT name FROM pg_settings \
                      WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'";

/// What is said where none of them does.
pub(super) const KEPT: &str = "fsync, full_page_writes and synchronous_commit are on";

/// Those that do.
pub(super) async fn risks(conn: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let settings: Vec<String> = sqlx::query_scalar(NEEDED).fetch_all(conn).await?;
    Ok(settings.iter().map(|setting| off(setting)).collect())
}

fn off(setting: &str) -> Finding {
    risk(
        format!(
            "PostgreSQL runs with `{setting} = off`: if it crashes, it forgets commits whose messages were acknowledged"
        ),
        format!("set `{setting} = on`"),
    )
}
