//! The ledger: double-entry, so that no cent can appear or vanish.

use std::fmt;

use consumer::sqlx;
use uuid::Uuid;

use crate::{
    money::Cents,
    store::{self, Conn, sql},
};

/// Whose money it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The world outside: what customers have paid is missing there.
    Customers,
    /// What we owe this merchant.
    Merchant(i64),
    /// What we have earned.
    Fees,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customers => f.write_str("customers"),
            Self::Merchant(id) => write!(f, "merchant:{id}"),
            Self::Fees => f.write_str("fees"),
        }
    }
}

/// Money that moves between accounts. What arrives is what leaves: a posting that does not sum to zero cannot be made.
#[derive(Debug)]
pub struct Posting {
    id: Uuid,
    lines: Vec<(Account, i64)>,
}

impl Posting {
    /// Our share of a payment, in a thousandth.
    const FEE: i64 = 29;

    pub fn capture(merchant: i64, amount: Cents) -> Self {
        let merchants = (Account::Merchant(merchant), Self::credit(amount).get());
        Self::from(Account::Customers, &[merchants, (Account::Fees, Self::fee(amount))])
    }

    /// The merchant gives back all that the customer gets; the fee stays with us.
    pub fn refund(merchant: i64, amount: Cents) -> Self {
        Self::from(Account::Merchant(merchant), &[(Account::Customers, amount.get())])
    }

    /// What a merchant gets of a payment.
    pub fn credit(amount: Cents) -> Cents {
        Cents::at_least_one(amount.get() - Self::fee(amount))
    }

    fn fee(amount: Cents) -> i64 {
        amount.get() * Self::FEE / 1000
    }

    fn from(source: Account, targets: &[(Account, i64)]) -> Self {
        let leaves: i64 = targets.iter().map(|(_, cents)| cents).sum();
        let lines = targets.iter().copied().chain([(source, -leaves)]).collect();
        Self { id: Uuid::now_v7(), lines }
    }

    /// Writes it, brings the merchants' balances up to date, and returns its id.
    pub async fn post(self, conn: &mut Conn) -> sqlx::Result<Uuid> {
        for &(account, cents) in &self.lines {
            self.write(account, cents, conn).await?;
            if let Account::Merchant(_) = account {
                add_to_balance(account, cents, conn).await?;
            }
        }
        Ok(self.id)
    }

    async fn write(&self, account: Account, cents: i64, conn: &mut Conn) -> sqlx::Result<()> {
        sqlx::query(sql(WRITE))
            .bind(self.id.to_string())
            .bind(account.to_string())
            .bind(cents)
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// The sum of an account's lines, kept beside them. Applied twice, it would be wrong for ever: that is what the claim is
/// for, and what the audit looks at.
async fn add_to_balance(account: Account, cents: i64, conn: &mut Conn) -> sqlx::Result<()> {
    sqlx::query(sql(store::ADD_TO_BALANCE)).bind(account.to_string()).bind(cents).execute(conn).await?;
    Ok(())
}

const WRITE: &str = "INSERT INTO ledger_lines (posting, account, cents) VALUES ($1, $2, $3)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cents;

    fn sum(posting: &Posting) -> i64 {
        posting.lines.iter().map(|(_, cents)| cents).sum()
    }

    #[test]
    fn every_posting_sums_to_zero() {
        for amount in [1, 34, 35, 99, 10_000, 499_999] {
            assert_eq!(sum(&Posting::capture(7, cents(amount))), 0);
            assert_eq!(sum(&Posting::refund(7, cents(amount))), 0);
        }
    }

    #[test]
    fn a_fee_is_rounded_in_favour_of_the_merchant() {
        let lines = Posting::capture(7, cents(99)).lines;
        assert_eq!(lines, [(Account::Merchant(7), 97), (Account::Fees, 2), (Account::Customers, -99)]);
    }
}
