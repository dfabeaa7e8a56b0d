//! A lane: the events of one key, which are published in the order in which they were committed.

use sha2::{Digest, Sha256};

/// What stands for a key in the database: 16 bytes of its SHA-256, so that no collation calls two keys equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane([u8; 16]);

impl Lane {
    /// The lane of a key.
    pub fn of(key: &str) -> Self {
        let hash = Sha256::digest(key.as_bytes());
        Self(std::array::from_fn(|i| hash[i]))
    }

    /// As a row holds it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes; lanes are locked in their order, so that two writers never wait for each other.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
