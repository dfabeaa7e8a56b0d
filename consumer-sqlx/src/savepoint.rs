//! The savepoint that proves a transaction's identity.
//!
//! It is set when a unit begins, and only the transaction of that unit has it: not one that the handler or the database
//! has ended, nor whatever follows it. To look for the claim's row instead would prove nothing, because a row that the
//! handler has committed itself is there as well.

/// Asks for it at the end, on the way to the commit.
pub(crate) const RELEASE: &str = "RELEASE SAVEPOINT consumer_unit";

/// Asks for it at the end, on the way to the rollback. Unlike [`RELEASE`] it works in an aborted transaction.
pub(crate) const ROLL_BACK_TO: &str = "ROLLBACK TO SAVEPOINT consumer_unit";

/// Asks for it in the middle of a unit: it fails where the transaction is no longer the one that claimed.
pub(crate) const RENEW: &str = "RELEASE SAVEPOINT consumer_unit; SAVEPOINT consumer_unit";

/// Undoes whatever transaction is open when ours has gone.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) const ROLL_BACK: &str = "ROLLBACK";
