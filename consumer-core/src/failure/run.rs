//! Runs of redelivered messages: who runs one, so that whoever finds the mark of a runner that is gone counts a death.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::message::{ClaimKey, Message};

/// Who runs a message: a number of each runtime's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunnerId(pub Uuid);

impl RunnerId {
    /// Nobody runs it: its deaths are kept, and whoever marks it next counts none.
    pub const NOBODY: Self = Self(Uuid::nil());

    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The key of a message as it came, before anybody has read it: reading may be what kills the process.
///
/// It is the same for every copy of the message, because a copy keeps the body and the ids.
pub fn message_key(message: &Message) -> ClaimKey {
    let ids = ["cloudEvents_id", "cloudEvents:id", "cloudEvents_source", "cloudEvents:source"];
    let ids = ids.into_iter().map(|name| message.headers.text(name).unwrap_or_default());
    let id = message.properties.message_id.as_deref().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in ids.chain([id]).map(str::as_bytes).chain([&*message.body]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    ClaimKey::from_bytes(std::array::from_fn(|i| digest[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_key_of_its_original_and_no_other_message_has() {
        let mut message = Message { body: "{}".into(), exchange: "shop".to_owned(), ..Message::default() };
        message.properties.message_id = Some("1".to_owned());
        message.properties.expiration = Some("60000".to_owned());
        assert_eq!(message_key(&message), message_key(&message.copy_from("orders")));
        let mut other = message.clone();
        other.properties.message_id = Some("2".to_owned());
        assert_ne!(message_key(&message), message_key(&other));
        let mut other = message.clone();
        other.headers.insert("cloudEvents_id", "1");
        assert_ne!(message_key(&message), message_key(&other));
        assert_ne!(message_key(&message), message_key(&Message { body: "[]".into(), ..message.clone() }));
    }
}
