//! The consumer of approved refunds: the gateway first, then the books.

use std::time::Duration;

use consumer::{effect::ProviderError, http::Provider, prelude::*, sqlx};
use uuid::Uuid;

use crate::{
    event::{RefundApproved, RefundBooked},
    ledger::Posting,
    money::Cents,
    store::{Conn, sql},
};

/// What the gateway answers where it knows no such charge.
const NO_CHARGE: u16 = 404;
/// The charge of a payment is an effect of its own, and on its way.
const SOON: Duration = Duration::from_millis(300);

/// What the gateway is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reversal {
    pub refund: Uuid,
    pub payment: Uuid,
    pub amount_cents: Cents,
}

/// The refund, as the gateway numbers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reversed {
    pub id: String,
}

/// Runs before the transaction, which needs its result.
#[effect(name = "gateway.refund", attempts = 100)]
pub async fn refund_at_gateway(
    _: &Reversal,
    key: IdempotencyKey,
    body: RequestBody,
    State(gateway): State<Provider>,
) -> Result<Reversed, ProviderError> {
    let answer = gateway.post("refunds", &key, &body).accept(NO_CHARGE).send().await.map_err(soon)?;
    match answer.status() {
        NO_CHARGE => Err(soon(ProviderError::not_done("the payment has not been charged yet"))),
        _ => answer.json(),
    }
}

/// The waits do not grow here, unless the gateway asks for longer ones: an event waits with them.
fn soon(error: ProviderError) -> ProviderError {
    let wait = error.wait().unwrap_or(SOON);
    error.retry_after(wait)
}

impl From<&RefundApproved> for Reversal {
    fn from(refund: &RefundApproved) -> Self {
        let &RefundApproved { refund, payment, amount_cents, .. } = refund;
        Self { refund, payment, amount_cents }
    }
}

/// Books what the gateway has given back. It is never asked twice for one refund, however often we are.
#[consumer(name = "ledger.reversals")]
pub async fn reverse(
    refund: RefundApproved,
    Completed(reversed): Completed<refund_at_gateway>,
    conn: &mut Conn,
    outbox: Outbox<'_>,
) -> Result<(), sqlx::Error> {
    let posting = Posting::refund(refund.merchant, refund.amount_cents).post(conn).await?;
    sqlx::query(sql(RECORD))
        .bind(refund.refund.to_string())
        .bind(posting.to_string())
        .bind(refund.amount_cents.get())
        .bind(reversed.id)
        .execute(conn)
        .await?;
    outbox.publish(&RefundBooked {
        refund: refund.refund,
        merchant: refund.merchant,
        debited_cents: refund.amount_cents,
    });
    Ok(())
}

const RECORD: &str =
    "INSERT INTO reversals (refund, posting, amount_cents, gateway_id) VALUES ($1, $2, $3, $4)";

#[cfg(test)]
mod tests {
    use consumer::handler::Recording;

    use super::*;
    use crate::{books::Books, testing};

    #[tokio::test]
    async fn what_the_gateway_gave_back_is_booked_and_told() {
        let Some(mut conn) = testing::conn().await else { return };
        let recording = Recording::new();
        let approved = RefundApproved {
            refund: Uuid::now_v7(),
            payment: Uuid::now_v7(),
            merchant: 7,
            amount_cents: testing::cents(400),
        };
        let reversed = Completed(Reversed { id: "re_1".to_owned() });
        reverse(approved, reversed, &mut conn, recording.outbox()).await.expect("booked");
        let books = Books::read(&mut conn).await.expect("the books");
        assert_eq!((books.reversals.rows, books.reversals.cents, books.customers_cents), (1, 400, 400));
        assert_eq!(recording.published::<RefundBooked>()[0].debited_cents.get(), 400);
    }
}
