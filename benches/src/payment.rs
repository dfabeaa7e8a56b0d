//! The event that every contestant consumes.

use consumer::{
    event::{DecodeError, EncodeError, EventType},
    prelude::*,
};
use uuid::Uuid;

/// How many accounts the payments go to.
pub const ACCOUNTS: i64 = 1_000;
/// How long a body is.
pub const BODY_BYTES: usize = 280;

/// A payment that was captured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
pub struct Payment {
    /// Its id, which is that of its message too.
    pub payment: Uuid,
    /// Whose balance it changes.
    #[event(key)]
    pub account: i64,
    /// What is paid; a handler refuses what is below zero.
    pub amount_cents: i64,
    /// Of which money.
    pub currency: String,
    /// Who is paid.
    pub merchant: String,
    /// What the customer wrote.
    pub note: String,
}

impl Payment {
    /// Any payment.
    pub fn any() -> Self {
        let mut payment = Self {
            payment: random_id(),
            account: fastrand::i64(1..=ACCOUNTS),
            amount_cents: fastrand::i64(100..100_000),
            currency: "EUR".to_owned(),
            merchant: format!("merchant {}", fastrand::u32(1_000..10_000)),
            note: String::new(),
        };
        let missing = BODY_BYTES.saturating_sub(payment.body().len());
        payment.note = "an order of a few things, ".chars().cycle().take(missing).collect();
        payment
    }

    /// One that every handler refuses for good.
    #[must_use]
    pub fn refused(self) -> Self {
        Self { amount_cents: -self.amount_cents, ..self }
    }

    /// Whether it is to be refused.
    pub fn is_refused(&self) -> bool {
        self.amount_cents < 0
    }

    /// As it travels.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The same payment, to a consumer that is not told whose balance it changes: its events have no lanes.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyless(pub Payment);

impl Event for Keyless {
    const KEYED: bool = false;
    const TYPES: &'static [EventType] = Payment::TYPES;

    fn decode(event_type: EventType, data: &[u8]) -> Result<Self, DecodeError> {
        Payment::decode(event_type, data).map(Self)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.0.encode()
    }

    fn event_type(&self) -> EventType {
        self.0.event_type()
    }
}

/// An id as most publishers make them, without asking the system for each.
fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_size_that_the_figures_are_for() {
        let payment = Payment::any();
        assert!((BODY_BYTES - 1..=BODY_BYTES + 1).contains(&payment.body().len()));
        assert_eq!(payment.payment.get_version_num(), 4);
        assert!(payment.refused().is_refused());
    }
}
