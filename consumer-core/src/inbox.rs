//! The inbox: the record that an event was processed, and what a second one means.

use crate::message::{ClaimKey, EventId, Fingerprint};

/// The small integer that stands for a consumer's name in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsumerId(pub i32);

/// A row of `processed_events` about to be written: one event, taken by one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who processes it.
    pub consumer: ConsumerId,
    /// Which event.
    pub key: ClaimKey,
    /// What its data looked like.
    pub fingerprint: Fingerprint,
    /// The id in words where the key does not show it.
    pub readable_id: Option<String>,
}

impl Claim {
    /// The claim of an event by a consumer.
    pub fn new(consumer: ConsumerId, event: &EventId, fingerprint: Fingerprint) -> Self {
        Self { consumer, key: event.key(), fingerprint, readable_id: event.readable() }
    }
}

/// A row of `processed_events` that somebody has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClaim {
    /// What the data looked like when it was processed.
    pub fingerprint: Fingerprint,
    /// The id in words, if it was kept.
    pub readable_id: Option<String>,
}

/// What the insert of a claim found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The row is ours: nobody has processed the event.
    Fresh,
    /// Somebody has.
    Taken(StoredClaim),
    /// Somebody had, and the row was swept between our insert and our look. The unit runs again.
    Vanished,
}

/// What a delivery is, given the claim that stands in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The same event again: acknowledge it.
    Duplicate,
    /// Probably the same event again, but its fingerprint was taken by another algorithm: acknowledge it, count apart.
    Unverified,
    /// Another event under a used id: never skip it, dead-letter it.
    IdReused,
}

/// Compares a claim with the one that is stored under its key.
pub fn compare(claim: &Claim, stored: &StoredClaim) -> Repeat {
    if claim.readable_id != stored.readable_id {
        Repeat::IdReused
    } else if !claim.fingerprint.is_comparable(&stored.fingerprint) {
        Repeat::Unverified
    } else if claim.fingerprint == stored.fingerprint {
        Repeat::Duplicate
    } else {
        Repeat::IdReused
    }
}
