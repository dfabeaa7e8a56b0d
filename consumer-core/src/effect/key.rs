//! The idempotency key: what a provider recognises a repeated call by.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{error::Error, message::ClaimKey};

/// The key of one effect of one event, the same at every attempt, redelivery, redrive, restart and deploy.
///
/// It is stored when the effect is first planned, and never derived again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The longest key, in characters of ASCII: what the big providers take.
    pub const MAX_LEN: usize = 255;

    /// A key of visible ASCII characters.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) if it is empty, longer than [`Self::MAX_LEN`], or has other characters: it travels
    /// as an HTTP header.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=Self::MAX_LEN).contains(&text.len()) {
            return Ok(Self(text));
        }
        Err(Error::settings(format!(
            "an idempotency key has 1 to {} visible ASCII characters, not {} bytes of {text:?}; change the `KeyScheme`",
            Self::MAX_LEN,
            text.len()
        )))
    }

    /// A key for calling an effect in a test; characters that a key cannot have become `_`.
    pub fn for_test(text: &str) -> Self {
        let visible = |c: char| if c.is_ascii_graphic() { c } else { '_' };
        Self(text.chars().map(visible).take(Self::MAX_LEN).collect())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a UUID, for providers that take nothing else: the key itself if it is one, else one made of its SHA-256
    /// (version 8, RFC 9562).
    pub fn as_uuid(&self) -> Uuid {
        Uuid::try_parse(&self.0).unwrap_or_else(|_| uuid(&Sha256::digest(self.0.as_bytes())))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

fn uuid(hash: &[u8]) -> Uuid {
    Uuid::new_v8(std::array::from_fn(|i| hash[i]))
}

/// What a key may be derived from: nothing of it changes between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyParts<'a> {
    /// The name of the consumer.
    pub consumer: &'a str,
    /// The key of the event's claim.
    pub event: ClaimKey,
    /// The source of the event; empty where it has none.
    pub source: &'a str,
    /// The id of the event.
    pub id: &'a str,
    /// The name of the effect.
    pub effect: &'a str,
    /// What tells several calls of one effect in one event apart; empty for the only one.
    pub label: &'a str,
}

/// How keys are derived, for providers that want them in a form of their own.
///
/// It is asked once for each effect of each event, when it is planned. It must give the same text for the same parts, and
/// another one for any other parts: two effects with one key are one call to the provider.
///
/// ```
/// use consumer_core::effect::{KeyParts, KeyScheme, Standard};
///
/// /// Our bank wants to see which service calls.
/// struct Named;
///
/// impl KeyScheme for Named {
///     fn key(&self, parts: &KeyParts<'_>) -> String {
///         format!("payments-{}", Standard.key(parts))
///     }
/// }
/// ```
pub trait KeyScheme: Send + Sync + 'static {
    /// The text of the key: 1 to 255 visible ASCII characters. Anything else poisons the delivery.
    fn key(&self, parts: &KeyParts<'_>) -> String;
}

/// The scheme unless an app has another one: a UUID of version 8 (RFC 9562), made of the SHA-256 of all parts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl KeyScheme for Standard {
    fn key(&self, parts: &KeyParts<'_>) -> String {
        let mut hash = Sha256::new();
        let texts = [
            parts.consumer.as_bytes(),
            parts.event.as_bytes(),
            parts.effect.as_bytes(),
            parts.label.as_bytes(),
        ];
        for text in texts {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        uuid(&hash.finalize()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EventId;

    fn parts<'a>(consumer: &'a str, id: &EventId, effect: &'a str, label: &'a str) -> String {
        Standard.key(&KeyParts { consumer, event: id.key(), source: "", id: "", effect, label })
    }

    fn id(source: &str, id: &str) -> EventId {
        EventId { source: source.to_owned(), id: id.to_owned() }
    }

    /// Providers remember these: a key that changes charges a customer twice.
    #[test]
    fn keys_never_change() {
        assert_eq!(parts("ledger", &id("", "evt-1"), "charge", ""), KEY);
    }

    const KEY: &str = "994422ae-2df7-8bdb-877d-9cdf8cb36810";

    #[test]
    fn nothing_runs_into_its_neighbour() {
        let keys: std::collections::BTreeSet<_> = [
            parts("ab", &id("", "1"), "c", ""),
            parts("a", &id("", "1"), "bc", ""),
            parts("a", &id("", "1"), "b", "c"),
            parts("a", &id("s", "1"), "b", "c"),
            parts("a", &id("", "2"), "b", "c"),
        ]
        .into();
        assert_eq!(keys.len(), 5);
    }

    #[test]
    fn a_key_that_no_header_takes_is_refused() {
        for text in ["", " ", "é", "a\nb", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text:?}");
        }
        assert!(IdempotencyKey::new("k".repeat(255)).is_ok());
    }

    #[test]
    fn any_key_is_a_uuid_too() {
        let own = "018f4c5e-2f8a-7c3e-9a51-6f1d2b3c4d5e";
        assert_eq!(IdempotencyKey::for_test(own).as_uuid().to_string(), own);
        let made = IdempotencyKey::for_test("order-7").as_uuid();
        assert_eq!((made, made.get_version_num()), (IdempotencyKey::for_test("order-7").as_uuid(), 8));
    }
}
