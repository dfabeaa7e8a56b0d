//! Batches on each real database: what handlers do to the transaction that they share, repeats, hot keys, order.

mod handlers;
mod hazards;
mod hot_keys;
mod order;
mod repeats;
mod yard;

use consumer::prelude::*;

/// An instruction for a handler.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event(type = "instruction", version = 1)]
struct Instruction {
    what: String,
}

/// A payment into an account, whose events are a lane.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event(type = "deposit", version = 1)]
struct Deposit {
    #[event(key)]
    account: usize,
    nth: usize,
}

/// How a consumer takes its events, which is its name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// One by one, in batches that its handler does not know of.
    Batched,
    /// All events of a batch at once.
    Bulk,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Batched, Self::Bulk];

    /// The consumer and its queue.
    fn name(self) -> &'static str {
        match self {
            Self::Batched => "batched",
            Self::Bulk => "bulk",
        }
    }
}
