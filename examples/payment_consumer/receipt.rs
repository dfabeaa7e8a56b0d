//! The effect that sends a receipt.

use consumer::{effect::ProviderError, http::Provider, prelude::*};
use uuid::Uuid;

use crate::{event::PaymentCaptured, money::Cents};

/// What the customer gets to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub payment: Uuid,
    pub amount_cents: Cents,
}

/// Runs after the commit. The gateway sends it, once for each key.
#[effect(name = "gateway.receipt")]
pub async fn send_receipt(
    _: &Receipt,
    key: IdempotencyKey,
    body: RequestBody,
    State(gateway): State<Provider>,
) -> Result<(), ProviderError> {
    gateway.post("receipts", &key, &body).send().await?;
    Ok(())
}

impl From<&PaymentCaptured> for Receipt {
    fn from(payment: &PaymentCaptured) -> Self {
        Self { payment: payment.payment, amount_cents: payment.amount_cents }
    }
}
