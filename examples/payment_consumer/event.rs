//! The events: what other services send us, what we tell ourselves, what we tell others.

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

/// We have agreed to a refund: the gateway has to give the money back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "refund.approved", version = 1)]
pub struct RefundApproved {
    #[event(id)]
    pub refund: Uuid,
    #[event(key)]
    pub payment: Uuid,
    pub merchant: i64,
    pub amount_cents: Cents,
}

/// A payment is in the books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "payment.booked", version = 1)]
pub struct PaymentBooked {
    #[event(id)]
    pub payment: Uuid,
    #[event(key)]
    pub merchant: i64,
    /// Without our fee.
    pub credited_cents: Cents,
}

/// A refund is in the books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "refund.booked", version = 1)]
pub struct RefundBooked {
    #[event(id)]
    pub refund: Uuid,
    #[event(key)]
    pub merchant: i64,
    pub debited_cents: Cents,
}
