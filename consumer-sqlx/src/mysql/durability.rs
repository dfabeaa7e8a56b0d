//! Settings under which a commit is no promise.

use consumer_core::doctor::Finding;
use sqlx::MySqlConnection;

use super::statements;
use crate::examination::risk;

/// What breaks the promise unless it is 1: a crash of the server then forgets commits that it has confirmed, and the message
/// is gone.
const NEEDED: &str = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)";

/// What is said where it does not.
pub(super) const KEPT: &str = "innodb_flush_log_at_trx_commit is 1";

/// The setting, if it does.
pub(super) async fn risks(conn: &mut MySqlConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let setting: i64 = statements::scalar(conn, NEEDED).await?;
    Ok((setting != 1).then(|| flushed_late(setting)).into_iter().collect())
}

fn flushed_late(setting: i64) -> Finding {
    risk(
        format!(
            "the database runs with `innodb_flush_log_at_trx_commit = {setting}`: if it crashes, it forgets commits whose \
             messages were acknowledged"
        ),
        "set it to 1".to_owned(),
    )
}
