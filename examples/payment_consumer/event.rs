//! The events that other services send us: the contract.

use consumer::prelude::*;
use uuid::Uuid;

use crate::money::Cents;

/// A customer has paid a merchant by card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
pub struct PaymentCaptured {
    /// Also the id of the event: a payment is captured once, however often and by whomever we are told.
    #[event(id)]
    pub payment: Uuid,
    #[event(key)]
    pub merchant: i64,
    /// Where the card was issued, such as `NO`.
    pub card_country: String,
    pub amount_cents: Cents,
}

/// A merchant gives back some or all of a payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "payment.refunded", version = 1)]
pub struct PaymentRefunded {
    #[event(id)]
    pub refund: Uuid,
    #[event(key)]
    pub payment: Uuid,
    pub amount_cents: Cents,
}
