//! What the server does about time.

use std::time::Duration;

use consumer_core::storage::UnitLimits;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The longest limit that every server takes, in seconds.
const LONGEST: u64 = 1_000_000;

/// The settings of a worker's session: one text, one round trip. The rollback comes first: the pool's last user may have
/// left something open.
///
/// Without autocommit, what a handler does after its transaction was ended (by a deadlock, by DDL) can still be undone.
/// A lock is waited for longer than the handler may run: a wait that ends undoes the statement and nothing else, so a
/// handler that swallowed its error would commit half of its work, and no guard could tell.
pub(super) fn settings(limits: UnitLimits) -> SqlStr {
    let seconds = idle(limits).as_secs();
    let text = format!(
        "ROLLBACK; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET autocommit = 0, innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, \
         wait_timeout = {seconds}"
    );
    AssertSqlSafe(text).into_sql_str()
}

/// After how much silence the server closes the connection, in whole seconds and above the handler's own limit.
pub(super) fn idle(limits: UnitLimits) -> Duration {
    Duration::from_secs((limits.server().as_secs() + 2).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_wait_outlives_the_handler() {
        let text = settings(UnitLimits { handler: Duration::from_millis(1900), grace: Duration::ZERO });
        assert!(
            text.as_str().contains("innodb_lock_wait_timeout = 3, lock_wait_timeout = 3, wait_timeout = 3")
        );
    }

    #[test]
    fn an_endless_limit_is_one_that_servers_take() {
        let endless = UnitLimits { handler: Duration::MAX / 2, grace: Duration::ZERO };
        assert_eq!(idle(endless), Duration::from_secs(LONGEST));
    }
}
