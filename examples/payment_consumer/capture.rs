//! The consumer of captured payments.

use consumer::{prelude::*, sqlx};
use uuid::Uuid;

use crate::{
    event::PaymentCaptured,
    fraud::Fraud,
    ledger::Posting,
    store::{Conn, sql},
};

/// Takes a payment, or does not. Both are decisions, and both commit: a rejected payment is no error.
#[consumer(name = "ledger.captures")]
pub async fn capture(
    payment: PaymentCaptured,
    conn: &mut Conn,
    State(fraud): State<Fraud>,
) -> Result<(), sqlx::Error> {
    match fraud.objection(&payment) {
        None => accept(&payment, conn).await,
        Some(reason) => record(&payment, Uuid::now_v7(), Some(reason), conn).await,
    }
}

async fn accept(payment: &PaymentCaptured, conn: &mut Conn) -> sqlx::Result<()> {
    let posting = Posting::capture(payment.merchant, payment.amount_cents).post(conn).await?;
    record(payment, posting, None, conn).await
}

/// No unique index keeps a second row of one payment out: only the claim of the event does.
async fn record(
    payment: &PaymentCaptured,
    posting: Uuid,
    rejected: Option<&str>,
    conn: &mut Conn,
) -> sqlx::Result<()> {
    sqlx::query(sql(RECORD))
        .bind(payment.payment.to_string())
        .bind(posting.to_string())
        .bind(payment.merchant)
        .bind(payment.amount_cents.get())
        .bind(rejected)
        .execute(conn)
        .await?;
    Ok(())
}

const RECORD: &str = "\
INSERT INTO payments (payment, posting, merchant, amount_cents, refunded_cents, rejected) \
VALUES ($1, $2, $3, $4, 0, $5)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{books::Books, testing};

    #[tokio::test]
    async fn a_payment_is_split_between_the_merchant_and_us() {
        let Some(mut conn) = testing::conn().await else { return };
        capture(testing::payment(10_000), &mut conn, testing::fraud()).await.expect("decided");
        let books = Books::read(&mut conn).await.expect("the books");
        assert_eq!((books.payments.accepted, books.payments.accepted_cents), (1, 10_000));
        assert_eq!((books.customers_cents, books.merchants_cents, books.fees_cents), (-10_000, 9_710, 290));
    }

    #[tokio::test]
    async fn a_rejection_is_recorded_and_moves_no_money() {
        let Some(mut conn) = testing::conn().await else { return };
        capture(testing::payment(999_900), &mut conn, testing::fraud()).await.expect("decided, not failed");
        let books = Books::read(&mut conn).await.expect("the books");
        assert_eq!((books.payments.decided, books.payments.accepted), (1, 0));
        assert_eq!(books.postings, 0);
    }
}
