//! The effects of a victim: it charges at a gateway, after a commit or before a transaction.

use std::time::Duration;

use consumer::{effect::ProviderError, http::Provider, prelude::*, runtime::EffectsConfig};

use super::work::Work;
use crate::event::Paid;

/// How long a victim waits for the gateway, which answers at once or never.
const PATIENCE: Duration = Duration::from_millis(300);
/// The lease of a call: the heir of a killed process waits for its end.
const LEASE: Duration = Duration::from_secs(1);

/// What the gateway is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Charge {
    payment: String,
}

impl From<&Paid> for Charge {
    fn from(event: &Paid) -> Self {
        Self { payment: event.payment.clone() }
    }
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Charged {
    charge: String,
}

/// Charges after the commit.
#[effect(name = "charge", timeout = "2s", attempts = 40)]
pub(super) async fn charge(
    asked: Charge,
    key: IdempotencyKey,
    body: RequestBody,
    State(work): State<Work>,
    State(gateway): State<Provider>,
) -> Result<Charged, ProviderError> {
    let _call = work.call("charge", &asked.payment);
    gateway.post("charge", &key, &body).send().await?.json()
}

/// Charges before the transaction.
#[effect(name = "settle", timeout = "2s", attempts = 40)]
pub(super) async fn settle(
    asked: Charge,
    key: IdempotencyKey,
    body: RequestBody,
    State(work): State<Work>,
    State(gateway): State<Provider>,
) -> Result<Charged, ProviderError> {
    let _call = work.call("settle", &asked.payment);
    gateway.post("settle", &key, &body).send().await?.json()
}

pub(super) fn provider(gateway: &str) -> Provider {
    Provider::builder(gateway).timeout(PATIENCE).build().expect("a gateway")
}

pub(super) fn config() -> EffectsConfig {
    EffectsConfig::new().lease(LEASE)
}
