//! The inbox: the record that an event was processed, and what a second one means.

use crate::message::{ClaimKey, EventId, Fingerprint};

/// The small integer that stands for a consumer's name in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsumerId(pub i32);

/// Which unit wrote a claim: a random number of each unit's own.
///
/// When a unit has lost its transaction, a claim that is committed under its key is either its own, or that of a rival
/// who had waited for it. Only this tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitId([u8; 4]);

impl UnitId {
    fn new() -> Self {
        Self(fastrand::u32(..).to_be_bytes())
    }
}

/// A row of `processed_events` about to be written: one event, taken by one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who processes it.
    pub consumer: ConsumerId,
    /// Which event.
    pub key: ClaimKey,
    /// What its data looked like.
    pub fingerprint: Fingerprint,
    /// Which unit writes it.
    pub unit: UnitId,
    /// The id in words where the key does not show it.
    pub readable_id: Option<String>,
}

impl Claim {
    /// The claim of an event by a consumer.
    pub fn new(consumer: ConsumerId, event: &EventId, fingerprint: Fingerprint) -> Self {
        Self { consumer, key: event.key(), fingerprint, unit: UnitId::new(), readable_id: event.readable() }
    }

    /// The same claim, by another unit.
    #[must_use]
    pub fn by_another_unit(&self) -> Self {
        Self { unit: UnitId::new(), ..self.clone() }
    }

    /// What the row holds beside its key, in one column: the fingerprint, then the unit.
    pub fn stamp(&self) -> [u8; 16] {
        let mut stamp = [0; 16];
        stamp[..12].copy_from_slice(self.fingerprint.as_bytes());
        stamp[12..].copy_from_slice(&self.unit.0);
        stamp
    }
}

/// A row of `processed_events` that somebody has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClaim {
    /// What the data looked like when it was processed.
    pub fingerprint: Fingerprint,
    /// Which unit wrote it.
    pub unit: UnitId,
    /// The id in words, if it was kept.
    pub readable_id: Option<String>,
}

impl StoredClaim {
    /// From the columns of its row: see [`Claim::stamp`].
    pub fn new(stamp: [u8; 16], readable_id: Option<String>) -> Self {
        let fingerprint = Fingerprint::from_bytes(std::array::from_fn(|i| stamp[i]));
        Self { fingerprint, unit: UnitId(std::array::from_fn(|i| stamp[12 + i])), readable_id }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(id: &str, data: &str) -> Claim {
        let event = EventId { source: String::new(), id: id.to_owned() };
        Claim::new(ConsumerId(1), &event, Fingerprint::of(data.as_bytes()))
    }

    fn stored(claim: &Claim) -> StoredClaim {
        StoredClaim::new(claim.stamp(), claim.readable_id.clone())
    }

    #[test]
    fn a_row_gives_back_what_was_claimed() {
        let claim = claim("a", "1");
        let stored = stored(&claim);
        assert_eq!((stored.fingerprint, stored.unit), (claim.fingerprint, claim.unit));
        assert_ne!(claim.by_another_unit().unit, claim.unit, "once in four billion");
    }

    #[test]
    fn a_repeat_is_a_duplicate_whichever_unit_wrote_it() {
        let first = stored(&claim("a", "1"));
        assert_eq!(compare(&claim("a", "1"), &first), Repeat::Duplicate);
        assert_eq!(compare(&claim("a", "2"), &first), Repeat::IdReused);
        assert_eq!(compare(&claim("a", "not JSON"), &first), Repeat::Unverified);
        assert_eq!(compare(&claim("b", "1"), &first), Repeat::IdReused, "two ids under one key");
    }
}
