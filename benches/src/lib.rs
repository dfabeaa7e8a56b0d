//! What `consumer` costs, beside the code that people write by hand, in the same minute and on the same servers.
//!
//! A [contestant](contestants) empties a queue that the harness has filled; the [books] are checked after each run, and
//! a run whose books are wrong fails the benchmark. `cargo xtask bench` starts the servers and this.
//! The [claim table](claims) as it grows is a measurement of its own.

pub mod backlog;
pub mod books;
pub mod broker;
pub mod by_hand;
pub mod calm;
pub mod ceiling;
pub mod claims;
pub mod contestants;
pub mod cpu;
pub mod delay;
mod kept;
pub mod latency;
pub mod machine;
pub mod meter;
pub mod ours;
pub mod payment;
pub mod ping;
pub mod report;
pub mod results;
pub mod round;
pub mod servers;
pub mod session;
pub mod stage;
pub mod witness;
