//! The fingerprint of an event's data, which tells a duplicate from an id used twice.

use std::fmt;

use sha2::{Digest, Sha256};

use super::canonical;

/// SHA-256 over JSON in canonical form.
const CANONICAL_JSON: u8 = 1;
/// SHA-256 over the bytes as they came.
const RAW: u8 = 2;

/// What an event's data looked like when it was claimed: the algorithm's version, then 11 bytes of its hash.
///
/// It is taken of the data *as received*, before any upcasting, the envelope excluded. For JSON the members are sorted
/// and white space is out, while numbers stay as they were written, so that a message that another library serialised
/// again still has the same one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 12]);

impl Fingerprint {
    /// Of an event's data: as JSON if it is JSON, else as bytes.
    pub fn of(data: &[u8]) -> Self {
        canonical::json(data, |canonical| Self::new(CANONICAL_JSON, canonical))
            .unwrap_or_else(|| Self::new(RAW, data))
    }

    /// As a storage kept it.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes as a storage keeps them.
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// Whether both were taken by the same algorithm; otherwise a difference between them says nothing.
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.0[0] == other.0[0]
    }

    fn new(algorithm: u8, data: &[u8]) -> Self {
        let mut bytes = [algorithm; 12];
        let digest: [u8; 32] = Sha256::digest(data).into();
        bytes[1..].copy_from_slice(&digest[..11]);
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are in people's databases: one that changes turns every late duplicate into an id used twice.
    #[test]
    fn fingerprints_never_change() {
        for (data, fingerprint) in [
            ("{}", "0144136fa355b3678a1146ad"),
            (" {\"b\" : 1.0, \"a\":\"\\u00e9\"}", "01f26729478cbf5d0777a869"),
            ("{\"a\":\"é\",\"b\":1.0}", "01f26729478cbf5d0777a869"),
            ("{\"a\":\"é\",\"b\":1}", "01aa58fba8483623bed37c1b"),
            ("not JSON", "0262b8125a6f6d924ec53345"),
            ("", "02e3b0c44298fc1c149afbf4"),
        ] {
            assert_eq!(
                format!("{:?}", Fingerprint::of(data.as_bytes())),
                format!("Fingerprint({fingerprint})"),
                "{data}"
            );
        }
    }

    #[test]
    fn what_is_compared_is_of_one_algorithm() {
        let [json, other, raw] = ["1", "2", "x"].map(|data| Fingerprint::of(data.as_bytes()));
        assert!(json.is_comparable(&other) && json != other);
        assert!(!json.is_comparable(&raw));
        assert_eq!(Fingerprint::from_bytes(*json.as_bytes()), json);
    }
}
