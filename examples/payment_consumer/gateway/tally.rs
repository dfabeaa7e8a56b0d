//! The tally of a gateway: what it has really done, for the audit.

use serde::{Deserialize, Serialize};

/// Counts over all keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub charges: Done,
    pub refunds: Done,
    pub receipts: Done,
    /// Calls with a key that was known already.
    pub repeated: i64,
    /// Calls with a known key and other bytes.
    pub altered: i64,
}

/// Work of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// How often it was done: once for each key.
    pub times: i64,
    /// For how many different payments or refunds.
    pub distinct: i64,
    pub cents: i64,
}
