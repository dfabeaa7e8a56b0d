//! The event that the tests publish.

use consumer::prelude::*;

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
pub struct Paid {
    /// Its id, which is the message's too.
    pub payment: String,
    /// No handler can ever take it.
    #[serde(default)]
    pub doomed: bool,
    /// Whoever runs it dies.
    #[serde(default)]
    pub fatal: bool,
    /// So many attempts fail.
    #[serde(default)]
    pub fails: u32,
}

impl Paid {
    /// A payment like any other.
    pub fn new(payment: impl Into<String>) -> Self {
        Self { payment: payment.into(), doomed: false, fatal: false, fails: 0 }
    }
}

/// A payment was booked: what our own consumers publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Event)]
#[event(type = "payment.booked", version = 1)]
pub struct Booked {
    /// Which one; it is booked once.
    #[event(id, key)]
    pub payment: String,
}
