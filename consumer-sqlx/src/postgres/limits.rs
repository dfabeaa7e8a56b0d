//! What the server does about time.

use std::time::Duration;

use consumer_core::storage::{Extent, UnitLimits};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The shortest wait for a lock: below it, two busy transactions would only meet again.
const SHORTEST_LOCK_WAIT: Duration = Duration::from_millis(100);

/// How long a unit of several events waits for a lock: far less than the `deadlock_timeout` of a server, 1 s unless somebody has
/// set it, after which a wait in a circle would end. Its messages are then processed one by one, so that nothing is lost but
/// time.
const LOCK_WAIT_OF_MANY: Duration = Duration::from_millis(50);

/// What a session may do outside the transactions of ours: read. A handler that ends its transaction goes on in autocommit, where
/// whatever it wrote, and whatever the handlers behind it in a batch wrote, would stay without a claim. So our transactions say
/// that they write, and nothing else can.
pub(super) const OUTSIDE: &str = "SET default_transaction_read_only = on";

/// Begin, the limits and the savepoint: one text, one round trip.
///
/// `READ WRITE` makes a standby refuse here and not in the middle, and is what nothing but a unit has: see [`OUTSIDE`]. A lock is waited for less long than the handler may
/// run, so that the wait ends as the conflict it is: the statement that fails aborts the transaction, and no handler
/// can swallow that. Ten such waits, the conflicts in a row that the runtime allows, outlast every rival.
pub(super) fn begin(limits: UnitLimits, extent: Extent) -> SqlStr {
    let server = millis(limits.server());
    let lock = millis(match extent {
        Extent::One => (limits.handler / 4).max(SHORTEST_LOCK_WAIT),
        Extent::Many => LOCK_WAIT_OF_MANY,
    });
    let text = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL lock_timeout = {lock}; \
         SET LOCAL statement_timeout = {server}; \
         SET LOCAL idle_in_transaction_session_timeout = {server}; \
         SAVEPOINT consumer_unit"
    );
    AssertSqlSafe(text).into_sql_str()
}

/// As the server counts; 0 would mean no limit.
fn millis(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_outlives_the_handler_and_a_lock_wait_does_not() {
        let text =
            begin(UnitLimits { handler: Duration::from_secs(8), grace: Duration::from_secs(2) }, Extent::One);
        let text = text.as_str();
        assert!(
            text.contains("lock_timeout = 2000;") && text.contains("statement_timeout = 10000;"),
            "{text}"
        );
        assert!(text.contains("idle_in_transaction_session_timeout = 10000;"), "{text}");
    }

    #[test]
    fn no_limit_becomes_none() {
        let endless = UnitLimits { handler: Duration::MAX / 2, grace: Duration::ZERO };
        assert!(begin(endless, Extent::One).as_str().contains("statement_timeout = 2147483647;"));
        let none = UnitLimits { handler: Duration::ZERO, grace: Duration::ZERO };
        assert!(!begin(none, Extent::One).as_str().contains(" = 0"));
    }

    #[test]
    fn many_events_wait_for_a_lock_less_long_than_one() {
        let limits = UnitLimits { handler: Duration::from_secs(8), grace: Duration::from_secs(2) };
        let text = begin(limits, Extent::Many);
        assert!(text.as_str().contains("lock_timeout = 50;"), "{}", text.as_str());
        assert!(text.as_str().contains("statement_timeout = 10000;"), "{}", text.as_str());
    }
}
