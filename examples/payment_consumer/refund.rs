//! The consumer of refunds.

use consumer::{prelude::*, sqlx};
use uuid::Uuid;

use crate::{
    event::{PaymentRefunded, RefundApproved},
    store::{Conn, sql},
};

/// Why a refund could not be decided.
#[derive(Debug, thiserror::Error, Classify)]
pub enum RefundError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The refund has overtaken its payment. Nothing is wrong with it: it is tried again.
    #[error("payment {0} has not arrived yet")]
    #[classify(retry_after = "300ms")]
    NoPayment(Uuid),
}

/// Agrees to give money back, or refuses to. Both are decisions; only a payment that nobody knows yet is none.
///
/// What was agreed to is set aside here, and given back by whoever consumes [`RefundApproved`]: see [`reversal`](crate::reversal).
#[consumer(name = "ledger.refunds")]
pub async fn refund(refund: PaymentRefunded, conn: &mut Conn, outbox: Outbox<'_>) -> Result<(), RefundError> {
    let payment = Payment::find(refund.payment, conn).await?.ok_or(RefundError::NoPayment(refund.payment))?;
    let refused = payment.refuses(&refund, conn).await?;
    record(&refund, refused, conn).await?;
    if refused.is_none() {
        outbox.publish(&RefundApproved {
            refund: refund.refund,
            payment: refund.payment,
            merchant: payment.merchant,
            amount_cents: refund.amount_cents,
        });
    }
    Ok(())
}

/// The payment that is to be given back.
struct Payment {
    merchant: i64,
    rejected: Option<String>,
}

impl Payment {
    async fn find(payment: Uuid, conn: &mut Conn) -> sqlx::Result<Option<Self>> {
        let row = sqlx::query_as(sql(FIND)).bind(payment.to_string()).fetch_optional(conn).await?;
        Ok(row.map(|(merchant, rejected)| Self { merchant, rejected }))
    }

    async fn refuses(&self, refund: &PaymentRefunded, conn: &mut Conn) -> sqlx::Result<Option<&'static str>> {
        if self.rejected.is_some() {
            return Ok(Some("the payment was rejected"));
        }
        let reserved = reserve(refund, conn).await?;
        Ok((!reserved).then_some("more than what is left of the payment"))
    }
}

/// Takes the amount off what can still be refunded; `false` if that is less.
async fn reserve(refund: &PaymentRefunded, conn: &mut Conn) -> sqlx::Result<bool> {
    let updated = sqlx::query(sql(RESERVE))
        .bind(refund.amount_cents.get())
        .bind(refund.payment.to_string())
        .bind(refund.amount_cents.get())
        .execute(conn)
        .await?;
    Ok(updated.rows_affected() > 0)
}

async fn record(refund: &PaymentRefunded, rejected: Option<&str>, conn: &mut Conn) -> sqlx::Result<()> {
    sqlx::query(sql(RECORD))
        .bind(refund.refund.to_string())
        .bind(Uuid::now_v7().to_string())
        .bind(refund.payment.to_string())
        .bind(refund.amount_cents.get())
        .bind(rejected)
        .execute(conn)
        .await?;
    Ok(())
}

const FIND: &str = "SELECT merchant, rejected FROM payments WHERE payment = $1";

/// Compares and takes in one statement, so that two refunds at once cannot both win.
const RESERVE: &str = "\
UPDATE payments SET refunded_cents = refunded_cents + $1 \
WHERE payment = $2 AND refunded_cents + $3 <= amount_cents";

const RECORD: &str =
    "INSERT INTO refunds (refund, decision, payment, amount_cents, rejected) VALUES ($1, $2, $3, $4, $5)";

#[cfg(test)]
mod tests {
    use consumer::handler::Recording;

    use super::*;
    use crate::{books::Books, capture::capture, event::PaymentCaptured, testing};

    /// Decides on refunds of these amounts; the books, and the amounts that were agreed to.
    async fn decided(payment: PaymentCaptured, amounts: &[i64]) -> Option<(Books, Vec<i64>)> {
        let mut conn = testing::conn().await?;
        let recording = Recording::new();
        let (outbox, effects) = (recording.outbox(), recording.effects());
        capture(payment.clone(), &mut conn, testing::fraud(), outbox, effects).await.expect("decided");
        for &amount in amounts {
            refund(testing::refund_of(&payment, amount), &mut conn, outbox).await.expect("decided");
        }
        let approved = recording.published::<RefundApproved>();
        let approved = approved.iter().map(|approved| approved.amount_cents.get()).collect();
        Some((Books::read(&mut conn).await.expect("the books"), approved))
    }

    #[tokio::test]
    async fn what_is_agreed_to_is_set_aside() {
        let Some((books, approved)) = decided(testing::payment(10_000), &[4_000]).await else { return };
        assert_eq!((books.refunds.accepted, books.refunds.accepted_cents), (1, 4_000));
        assert_eq!((books.refunded_cents, approved), (4_000, vec![4_000]));
    }

    #[tokio::test]
    async fn no_more_is_given_back_than_was_paid() {
        let Some((books, approved)) = decided(testing::payment(10_000), &[6_000, 6_000, 4_000]).await else {
            return;
        };
        assert_eq!((books.refunds.decided, books.refunds.accepted), (3, 2));
        assert_eq!(approved, [6_000, 4_000]);
    }

    #[tokio::test]
    async fn nothing_is_given_back_of_a_rejected_payment() {
        let Some((books, approved)) = decided(testing::payment(999_900), &[100]).await else { return };
        assert_eq!((books.refunds.decided, books.refunds.accepted, approved.len()), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_refund_that_overtakes_its_payment_is_not_decided() {
        let Some(mut conn) = testing::conn().await else { return };
        let (recording, early) = (Recording::new(), testing::refund_of(&testing::payment(10_000), 100));
        let decided = refund(early, &mut conn, recording.outbox()).await;
        assert!(matches!(decided, Err(RefundError::NoPayment(_))));
    }
}
