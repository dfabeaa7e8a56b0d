//! The consumer of our own events: merchants read their statements from it.
//!
//! In a large house it would be another team's service, with a database of its own.

use consumer::{prelude::*, sqlx};
use uuid::Uuid;

use crate::{
    event::{PaymentBooked, RefundBooked},
    store::{Conn, sql},
};

/// What changes a merchant's balance.
#[derive(Debug, Event)]
pub enum Booked {
    Payment(PaymentBooked),
    Refund(RefundBooked),
}

/// Adds a line. Like our other tables this one has no index that would keep a second line of one event out.
#[consumer(name = "statements")]
pub async fn statement(booked: Booked, conn: &mut Conn) -> Result<(), sqlx::Error> {
    let (about, merchant, cents) = match booked {
        Booked::Payment(payment) => (payment.payment, payment.merchant, payment.credited_cents.get()),
        Booked::Refund(refund) => (refund.refund, refund.merchant, -refund.debited_cents.get()),
    };
    sqlx::query(sql(RECORD))
        .bind(about.to_string())
        .bind(Uuid::now_v7().to_string())
        .bind(merchant)
        .bind(cents)
        .execute(conn)
        .await?;
    Ok(())
}

const RECORD: &str = "INSERT INTO statement_lines (about, line, merchant, cents) VALUES ($1, $2, $3, $4)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{books::Books, testing};

    #[tokio::test]
    async fn a_refund_is_taken_off() {
        let Some(mut conn) = testing::conn().await else { return };
        let (payment, refund) = (Uuid::now_v7(), Uuid::now_v7());
        let credited = PaymentBooked { payment, merchant: 7, credited_cents: testing::cents(9_710) };
        let debited = RefundBooked { refund, merchant: 7, debited_cents: testing::cents(4_000) };
        statement(Booked::Payment(credited), &mut conn).await.expect("a line");
        statement(Booked::Refund(debited), &mut conn).await.expect("a line");
        let books = Books::read(&mut conn).await.expect("the books");
        assert_eq!((books.statements.rows, books.statements.distinct, books.statements.cents), (2, 2, 5_710));
    }
}
