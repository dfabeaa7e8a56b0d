//! The effect that charges a card.

use consumer::{effect::ProviderError, http::Provider, prelude::*};
use uuid::Uuid;

use crate::{event::PaymentCaptured, money::Cents};

/// What the gateway is asked for. The bytes of its first form are what every call sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    pub payment: Uuid,
    pub merchant: i64,
    pub amount_cents: Cents,
}

/// The charge, as the gateway numbers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charged {
    pub id: String,
}

/// Runs after the commit. Whatever the gateway does with it, the next call has the same key and the same bytes.
#[effect(name = "gateway.charge")]
pub async fn charge(
    _: &Charge,
    key: IdempotencyKey,
    body: RequestBody,
    State(gateway): State<Provider>,
) -> Result<Charged, ProviderError> {
    gateway.post("charges", &key, &body).send().await?.json()
}

impl From<&PaymentCaptured> for Charge {
    fn from(payment: &PaymentCaptured) -> Self {
        let &PaymentCaptured { payment, merchant, amount_cents, .. } = payment;
        Self { payment, merchant, amount_cents }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        gateway::{Done, Gateway, Plan},
        testing,
    };

    /// As the runtime would call it: again with the same key and the same bytes, until it is known to be done.
    async fn charged(gateway: &Gateway, key: &str) -> Charged {
        let provider = Provider::builder(&gateway.url()).timeout(Duration::from_millis(200)).build();
        let provider = State(provider.expect("a good address"));
        let request = Charge::from(&testing::payment(10_000));
        let body = RequestBody::for_test(serde_json::to_vec(&request).expect("JSON"));
        loop {
            let key = IdempotencyKey::for_test(key);
            if let Ok(charged) = charge(&request, key, body.clone(), provider.clone()).await {
                return charged;
            }
        }
    }

    #[tokio::test]
    async fn a_gateway_where_everything_fails_charges_once() {
        let gateway = Gateway::open(Plan { port: 0, faults: 100 }).await.expect("a gateway");
        for key in ["k-1", "k-2", "k-3", "k-4", "k-5"] {
            charged(&gateway, key).await;
        }
        assert_eq!(gateway.tally().charges, Done { times: 5, distinct: 5, cents: 50_000 });
        assert_eq!(gateway.faults().values().sum::<i64>(), 10);
    }
}
