//! An intent: an effect that is to be run for an event, as it is written before anything is called.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::IdempotencyKey;
use crate::{
    inbox::ConsumerId,
    message::{ClaimKey, Fingerprint},
};

/// Which effect of which event: the primary key of the ledger.
///
/// It is made of the consumer's number, not its name, so that it outlives a rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(Uuid);

impl EffectId {
    /// The id of one effect of one event.
    pub fn of(consumer: ConsumerId, event: ClaimKey, effect: &str, label: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(consumer.0.to_be_bytes());
        hash.update(event.as_bytes());
        for text in [effect, label] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        let hash = hash.finalize();
        Self(Uuid::new_v8(std::array::from_fn(|i| hash[i])))
    }

    /// As a row holds it, and as people write it.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// As a UUID.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EffectId({self})")
    }
}

/// When an effect runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the transaction, which needs its result: `Completed`.
    Before,
    /// After the commit: `Effects::schedule`.
    After,
}

impl Moment {
    /// The text used in the table and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }

    /// The moment of that text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Before, Self::After].into_iter().find(|moment| moment.as_str() == text)
    }
}

/// The event that an effect is run for, kept for those who run it later.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// The name of the consumer.
    pub consumer: String,
    /// The source of the event.
    pub source: String,
    /// The id of the event.
    pub id: String,
    /// The name of its type.
    pub event_type: String,
    /// The version of its schema.
    pub version: u32,
    /// Its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// How many events led to it.
    #[serde(default)]
    pub hops: u32,
    /// What its data looked like, in hexadecimal digits, where the effect runs before a claim can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Origin {
    /// Notes what the data of the event looked like.
    #[must_use]
    pub fn seen_as(mut self, fingerprint: Fingerprint) -> Self {
        self.fingerprint = Some(fingerprint.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect());
        self
    }

    /// Whether both name one event, but its data was another: somebody has used an id twice. What was not noted, or by
    /// another algorithm (the first two digits), says nothing.
    pub fn is_of_other_data(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (&self.fingerprint, &other.fingerprint) else { return false };
        ours.get(..2) == theirs.get(..2) && ours != theirs
    }

    /// As a row holds it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and a number are JSON")
    }

    /// What a row holds; one that somebody has changed by hand tells nothing, and keeps no effect from being called.
    pub fn from_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }
}

/// A row of the ledger about to be written.
///
/// Its `Debug` form leaves the request out.
#[derive(Clone, PartialEq, Eq)]
pub struct Intent {
    /// Which row.
    pub id: EffectId,
    /// Whose event.
    pub consumer: ConsumerId,
    /// Which event.
    pub event: ClaimKey,
    /// The name of the effect.
    pub effect: String,
    /// What tells several of one effect apart; empty for the only one.
    pub label: String,
    /// When it runs.
    pub moment: Moment,
    /// The key of every call.
    pub key: IdempotencyKey,
    /// The payload, the same bytes at every call.
    pub request: Bytes,
    /// Where it comes from.
    pub origin: Origin,
}

impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent")
            .field("id", &self.id)
            .field("effect", &self.effect)
            .field("label", &self.label)
            .field("moment", &self.moment)
            .field("key", &self.key)
            .field("request", &format_args!("{} bytes", self.request.len()))
            .finish_non_exhaustive()
    }
}
