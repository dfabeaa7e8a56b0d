//! Ids of events: what they look like, and the same one again for the same number.

use std::fmt;

use clap::ValueEnum;
use consumer_core::{
    inbox::{Claim, ConsumerId},
    message::{EventId, Fingerprint},
};
use serde::{Deserialize, Serialize};
use uuid::Builder;

/// The time of the first id of version 7, in milliseconds.
const BEGINNING: u64 = 1_750_000_000_000;
/// Ids of version 7 that share a millisecond.
const PER_MILLISECOND: u64 = 4;

/// A kind of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// Random
    Uuid4,
    /// Rising in time
    Uuid7,
    /// Texts, whose key is a hash
    Text,
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uuid4 => "uuid4",
            Self::Uuid7 => "uuid7",
            Self::Text => "text",
        })
    }
}

/// Gives claims: the same number, the same event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    ids: Ids,
    consumer: ConsumerId,
    fingerprint: Fingerprint,
}

impl Source {
    pub(super) fn new(ids: Ids, consumer: ConsumerId) -> Self {
        Self { ids, consumer, fingerprint: Fingerprint::of(br#"{"cents":100}"#) }
    }

    pub(super) fn claim(&self, number: u64) -> Claim {
        let event = EventId { source: String::new(), id: self.id(number) };
        Claim::new(self.consumer, &event, self.fingerprint)
    }

    fn id(&self, number: u64) -> String {
        let random = random(number);
        match self.ids {
            Ids::Uuid4 => Builder::from_random_bytes(random.to_be_bytes()).into_uuid().to_string(),
            Ids::Uuid7 => {
                let bytes = random.to_be_bytes();
                let tail = std::array::from_fn(|at| bytes[at]);
                let millis = BEGINNING + number / PER_MILLISECOND;
                Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().to_string()
            }
            Ids::Text => format!("pay_{:024x}", random >> 32),
        }
    }
}

fn random(number: u64) -> u128 {
    u128::from(mix(2 * number)) << 64 | u128::from(mix(2 * number + 1))
}

/// SplitMix64, which gives no number twice.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ids: Ids) -> Source {
        Source::new(ids, ConsumerId(1))
    }

    #[test]
    fn a_number_is_always_the_same_event_and_no_other() {
        for ids in [Ids::Uuid4, Ids::Uuid7, Ids::Text] {
            let keys = |numbers: std::ops::Range<u64>| {
                let keys = numbers.map(|number| source(ids).claim(number).key);
                keys.collect::<std::collections::HashSet<_>>()
            };
            assert_eq!(keys(0..1_000).len(), 1_000);
            assert_eq!(keys(0..1_000), keys(0..1_000));
            assert!(keys(0..1_000).is_disjoint(&keys(1_000..2_000)));
        }
    }

    #[test]
    fn the_key_of_a_uuid_is_the_uuid_and_only_a_text_is_kept() {
        for (ids, version) in [(Ids::Uuid4, 4), (Ids::Uuid7, 7)] {
            let claim = source(ids).claim(7);
            assert_eq!(claim.key.as_uuid().get_version_num(), version);
            assert_eq!(claim.key.as_uuid().to_string(), source(ids).id(7));
            assert_eq!(claim.readable_id, None);
        }
        let id = source(Ids::Text).id(7);
        assert_eq!((source(Ids::Text).claim(7).readable_id, id.len()), (Some(id), 28));
    }

    #[test]
    fn version_7_rises_and_version_4_does_not() {
        let falls = |ids| {
            let keys: Vec<_> = (0..100).map(|n| source(ids).claim(n * PER_MILLISECOND).key).collect();
            keys.windows(2).filter(|pair| pair[0] > pair[1]).count()
        };
        assert_eq!(falls(Ids::Uuid7), 0);
        assert!((30..70).contains(&falls(Ids::Uuid4)));
    }
}
