//! The consumer of captured payments.

use consumer::{prelude::*, sqlx};
use uuid::Uuid;

use crate::{
    charge::{Charge, charge},
    event::{PaymentBooked, PaymentCaptured},
    fraud::Fraud,
    ledger::Posting,
    receipt::{Receipt, send_receipt},
    store::{Conn, sql},
};

/// Takes a payment, or does not. Both are decisions, and both commit: a rejected payment is no error.
///
/// What leaves us commits with what stays: the charge and the receipt are called after the commit, the event is published
/// after it; none of them without it.
#[consumer(name = "ledger.captures")]
pub async fn capture(
    payment: PaymentCaptured,
    conn: &mut Conn,
    State(fraud): State<Fraud>,
    outbox: Outbox<'_>,
    effects: Effects<'_>,
) -> Result<(), sqlx::Error> {
    if let Some(reason) = fraud.objection(&payment) {
        return record(&payment, Uuid::now_v7(), Some(reason), conn).await;
    }
    accept(&payment, conn).await?;
    effects.schedule::<charge>(&Charge::from(&payment));
    effects.schedule::<send_receipt>(&Receipt::from(&payment));
    let credited_cents = Posting::credit(payment.amount_cents);
    outbox.publish(&PaymentBooked { payment: payment.payment, merchant: payment.merchant, credited_cents });
    Ok(())
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
    use consumer::handler::Recording;

    use super::*;
    use crate::{books::Books, testing};

    /// The decision on a payment of this amount, and what was sent away with it.
    async fn decided(amount: i64) -> Option<(Books, Recording)> {
        let (mut conn, recording) = (testing::conn().await?, Recording::new());
        let payment = testing::payment(amount);
        let decided = capture(payment, &mut conn, testing::fraud(), recording.outbox(), recording.effects());
        decided.await.expect("decided, not failed");
        Some((Books::read(&mut conn).await.expect("the books"), recording))
    }

    #[tokio::test]
    async fn a_payment_is_split_between_the_merchant_and_us() {
        let Some((books, recording)) = decided(10_000).await else { return };
        assert_eq!((books.payments.accepted, books.payments.accepted_cents), (1, 10_000));
        assert_eq!((books.customers_cents, books.merchants_cents, books.fees_cents), (-10_000, 9_710, 290));
        assert_eq!(recording.published::<PaymentBooked>()[0].credited_cents.get(), 9_710);
    }

    #[tokio::test]
    async fn the_customer_is_charged_what_was_paid_and_gets_a_receipt() {
        let Some((_, recording)) = decided(10_000).await else { return };
        assert_eq!(recording.scheduled::<charge>()[0].amount_cents.get(), 10_000);
        assert_eq!(recording.scheduled::<send_receipt>()[0].amount_cents.get(), 10_000);
    }

    #[tokio::test]
    async fn a_rejection_is_recorded_and_moves_no_money() {
        let Some((books, recording)) = decided(999_900).await else { return };
        assert_eq!((books.payments.decided, books.payments.accepted), (1, 0));
        assert_eq!(books.postings, 0);
        assert!(recording.rows().is_empty() && recording.scheduled::<charge>().is_empty());
    }
}
