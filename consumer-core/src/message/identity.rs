//! Identity: which event a message carries, the same on every road it can take.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::printable;

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
    /// The longest id, and the longest source. AMQP's own ids have at most 255 bytes; a CloudEvent's have no limit.
    pub const MAX_BYTES: usize = 1024;

    /// The longest [`EventId::readable`]: an escaped character takes six times its bytes at most.
    pub const MAX_READABLE_BYTES: usize = 2 * 6 * Self::MAX_BYTES + 1;

    /// The key under which a claim of this event is stored.
    pub fn key(&self) -> ClaimKey {
        match self.own_uuid() {
            Some(uuid) => ClaimKey(uuid.into_bytes()),
            None => ClaimKey::hash(&self.source, &self.id),
        }
    }

    /// The text that a person needs to find the event again; `None` where the key itself shows it.
    ///
    /// It is the source, a space and the id, or the id alone, and fit for any text column and any terminal: spaces,
    /// backslashes, NUL, control characters and characters that hide or reorder text are escaped (`\\`, `\u{0}`). No two
    /// events read alike.
    pub fn readable(&self) -> Option<String> {
        self.own_uuid().is_none().then(|| self.to_string())
    }

    /// The id as a UUID, if it is one in canonical lower-case form and no source is set.
    ///
    /// Any other spelling of the same UUID is another id, as every other text would be.
    fn own_uuid(&self) -> Option<Uuid> {
        let uuid = Uuid::try_parse(&self.id).ok()?;
        let mut canonical = Uuid::encode_buffer();
        (self.source.is_empty() && uuid.hyphenated().encode_lower(&mut canonical) == self.id.as_str())
            .then_some(uuid)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.source.len() + 1 + self.id.len());
        if !self.source.is_empty() {
            printable::escape(&self.source, &mut text);
            text.push(' ');
        }
        printable::escape(&self.id, &mut text);
        f.write_str(&text)
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

    /// As a storage kept it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "018f4c5e-2f8a-7c3e-9a51-6f1d2b3c4d5e";

    fn event(source: &str, id: &str) -> EventId {
        EventId { source: source.to_owned(), id: id.to_owned() }
    }

    /// These rows are in people's databases: a key that changes makes every processed event new again.
    #[test]
    fn keys_never_change() {
        for (source, id, key) in [
            ("", UUID, "018f4c5e-2f8a-7c3e-9a51-6f1d2b3c4d5e"),
            ("", "evt-1", "0e6327d9-da60-ab0a-a94e-9381bed1e785"),
            ("/shop", "evt-1", "242df6eb-c5a1-d28c-5e79-2ec18a671d2f"),
            ("/shop", UUID, "f9288ba4-0a5f-21bf-d2d8-8bc1729d1296"),
            ("", "018F4C5E-2F8A-7C3E-9A51-6F1D2B3C4D5E", "e6f44b6d-35d0-4e20-d49d-bab10a157e16"),
            ("", "é\0", "17ca8458-3e5e-e880-3635-4a4086c5bf49"),
        ] {
            assert_eq!(event(source, id).key().to_string(), key, "{source} {id}");
        }
    }

    /// So are these, and a duplicate is one whose text is the same.
    #[test]
    fn readable_texts_never_change() {
        for (source, id, readable) in [
            ("", UUID, None),
            ("/shop", UUID, Some("/shop 018f4c5e-2f8a-7c3e-9a51-6f1d2b3c4d5e")),
            ("", "evt-1", Some("evt-1")),
            ("a b", "c\\d ", Some("a\\u{20}b c\\\\d\\u{20}")),
            ("", "\0\u{1b}[31m\u{202e}é\u{200b}\n", Some("\\u{0}\\u{1b}[31m\\u{202e}é\\u{200b}\\u{a}")),
            ("", "'; DROP TABLE x --", Some("';\\u{20}DROP\\u{20}TABLE\\u{20}x\\u{20}--")),
        ] {
            assert_eq!(event(source, id).readable().as_deref(), readable);
        }
    }

    #[test]
    fn other_spellings_of_a_uuid_are_other_ids() {
        let simple = UUID.replace('-', "");
        let spellings =
            [UUID, &UUID.to_uppercase(), &simple, &format!("{{{UUID}}}"), &format!("urn:uuid:{UUID}")];
        let keys: std::collections::BTreeSet<_> = spellings.iter().map(|id| event("", id).key()).collect();
        assert_eq!(keys.len(), spellings.len());
    }

    #[test]
    fn source_and_id_do_not_run_into_each_other() {
        let pairs = [("a", "b c"), ("a b", "c"), ("", "a b c"), ("ab", "c"), ("a", "bc"), ("a\\u{20}b", "c")];
        let keys: std::collections::BTreeSet<_> =
            pairs.iter().map(|(source, id)| event(source, id).key()).collect();
        let texts: std::collections::BTreeSet<_> =
            pairs.iter().map(|(source, id)| event(source, id).readable()).collect();
        assert_eq!((keys.len(), texts.len()), (pairs.len(), pairs.len()));
    }

    #[test]
    fn the_longest_readable_text_is_bounded() {
        for c in ["\0", "\u{1b}", "\u{9f}", "\u{200b}", "\u{e0001}", " ", "\\"] {
            let text = c.repeat(EventId::MAX_BYTES / c.len());
            let readable = event(&text, &text).readable().expect("not a UUID");
            assert!(readable.len() <= EventId::MAX_READABLE_BYTES && !readable.contains('\0'));
        }
    }
}
