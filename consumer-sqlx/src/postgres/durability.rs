//! Settings under which a commit is no promise.

use sqlx::{PgPool, Row};

/// What breaks the promise: a crash of the server then forgets commits that it has confirmed, and the message is gone.
const NEEDED: &str = "SELECT name, setting FROM pg_settings \
                      WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'";

/// Warns about each of them.
pub(super) async fn warn(pool: &PgPool) {
    let Ok(rows) = sqlx::query(NEEDED).fetch_all(pool).await else { return };
    for row in rows {
        let setting: &str = row.try_get(0).unwrap_or_default();
        tracing::warn!(
            setting,
            "PostgreSQL runs with `{setting} = off`: if it crashes, it forgets commits whose messages were acknowledged"
        );
    }
}
