//! Settings under which a commit is no promise.

use sqlx::MySqlPool;

use super::statements;

/// Warns where a crash of the server forgets commits that it has confirmed, and the message is gone.
pub(super) async fn warn(pool: &MySqlPool) {
    let Ok(mut conn) = pool.acquire().await else { return };
    let flush =
        statements::scalar::<i64>(&mut conn, "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)").await;
    if let Ok(setting) = flush
        && setting != 1
    {
        tracing::warn!(
            innodb_flush_log_at_trx_commit = setting,
            "the database runs with `innodb_flush_log_at_trx_commit = {setting}`: if it crashes, it forgets commits \
             whose messages were acknowledged"
        );
    }
}
