//! The log of a day: what went in, what came out, what went wrong.

use std::collections::BTreeMap;

/// Counts, each of which somebody other than the handlers has counted.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Different events.
    pub published: i64,
    /// Those among them that no consumer can make sense of.
    pub poisoned: i64,
    /// Messages beyond one for each event: stored twice, or published again because a confirm was lost.
    pub doubled: i64,
    pub delivered: i64,
    /// Deliveries of messages that a consumer had been sent before.
    pub redelivered: i64,
    /// Deliveries whose event had been committed before.
    pub duplicates: i64,
    /// Different events among the dead letters, by the reason that each one carries.
    pub dead_letters: BTreeMap<String, i64>,
    /// How often the consumers died without a word.
    pub crashes: i64,
    /// Deliveries that were in work at that moment.
    pub cut_off: i64,
    pub panics: i64,
    /// What went wrong at the gateway, and how often.
    pub faults: BTreeMap<&'static str, i64>,
    pub lost_channels: i64,
    /// Publishes that the broker has stored, or not, without saying so.
    pub lost_confirms: i64,
}

impl Log {
    pub fn dead(&self) -> i64 {
        self.dead_letters.values().sum()
    }

    /// How often each kind of accident happened.
    pub fn accidents(&self) -> Vec<i64> {
        let others = [
            self.poisoned,
            self.doubled,
            self.redelivered,
            self.crashes,
            self.cut_off,
            self.panics,
            self.lost_channels,
            self.lost_confirms,
        ];
        others.into_iter().chain(self.faults.values().copied()).collect()
    }
}
