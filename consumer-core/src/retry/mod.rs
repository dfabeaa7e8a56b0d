//! What happens after a failure: decisions over records, without clock, database or waiting.
//!
//! Three tiers: at once, in a new transaction each time and with the delivery held; on the ladder, where a confirmed copy
//! waits in a queue of its own and the delivery is done with; and the dead-letter queue.

mod policy;
mod spread;
mod tally;
mod waits;

pub use self::{
    policy::{LONGEST_HOLD, RetryPolicy},
    tally::{MAX_CONFLICTS, Step, Tally},
};
pub(crate) use self::{
    spread::Spread,
    waits::{conflict_wait, double, outage_wait, spread},
};
