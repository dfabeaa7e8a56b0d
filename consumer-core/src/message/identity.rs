//! Identity: which event a message carries, the same on every road it can take.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Who an event is: its id, and the source that the id is unique in.
///
/// The id is the body field marked `#[event(id)]` if there is one, else the CloudEvents `id`, else the AMQP
/// `message_id`. The source is the CloudEvents `source`, else what the consumer configures, else empty. Nothing that a
/// copy, a redrive or a deploy changes takes part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Empty where neither the message nor the consumer names one.
    pub source: String,
    /// Never empty.
    pub id: String,
}

impl EventId {
    /// The key under which a claim of this event is stored.
    pub fn key(&self) -> ClaimKey {
        match self.own_uuid() {
            Some(uuid) => ClaimKey(uuid.into_bytes()),
            None => ClaimKey::hash(&self.source, &self.id),
        }
    }

    /// The text that a person needs to find the event again; `None` where the key itself shows it.
    pub fn readable(&self) -> Option<String> {
        match (self.own_uuid(), self.source.is_empty()) {
            (Some(_), _) => None,
            (None, true) => Some(self.id.clone()),
            (None, false) => Some(format!("{} {}", self.source, self.id)),
        }
    }

    /// The id as a UUID, if it is one in canonical lower-case form and no source is set.
    ///
    /// Any other spelling of the same UUID is another id, as every other text would be.
    fn own_uuid(&self) -> Option<Uuid> {
        let uuid = Uuid::try_parse(&self.id).ok()?;
        let mut canonical = Uuid::encode_buffer();
        (self.source.is_empty() && uuid.hyphenated().encode_lower(&mut canonical) == self.id.as_str()).then_some(uuid)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.source.is_empty() {
            write!(f, "{} ", self.source)?;
        }
        f.write_str(&self.id)
    }
}

/// The 16 bytes that stand for an [`EventId`] in the database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey([u8; 16]);

impl ClaimKey {
    /// The first 16 bytes of SHA-256 over both texts, each with its length in front.
    fn hash(source: &str, id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [source, id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        Self(std::array::from_fn(|i| digest[i]))
    }

    /// The bytes as a storage keeps them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bytes as a UUID, whatever its version bits say.
    pub fn as_uuid(&self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_uuid().fmt(f)
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimKey({self})")
    }
}
