//! The books: what the database says has happened.

use consumer::sqlx::{self, Connection};

use crate::store::{Conn, SNAPSHOT, sql};

/// What the audit looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    pub payments: Decisions,
    pub refunds: Decisions,
    /// What was given back at the gateway and booked.
    pub reversals: Rows,
    /// What the consumer of our own events has written.
    pub statements: Rows,
    /// What the payments themselves say was given back of them.
    pub refunded_cents: i64,
    pub postings: i64,
    pub unbalanced_postings: i64,
    pub customers_cents: i64,
    pub merchants_cents: i64,
    pub fees_cents: i64,
    /// The balances that are kept beside the ledger.
    pub balances_cents: i64,
    pub wrong_balances: i64,
}

/// What became of the events of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// Rows: one for each time an event took effect.
    pub decided: i64,
    /// Different events among them.
    pub distinct: i64,
    pub accepted: i64,
    pub accepted_cents: i64,
}

/// What was written, one row each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub rows: i64,
    /// Different events among them.
    pub distinct: i64,
    pub cents: i64,
}

impl Decisions {
    pub fn rejected(&self) -> i64 {
        self.decided - self.accepted
    }
}

impl Books {
    /// Reads them as they were at one moment, also while the service goes on.
    pub async fn read(conn: &mut Conn) -> sqlx::Result<Self> {
        let mut moment = conn.begin_with(SNAPSHOT).await?;
        let (postings, unbalanced_postings) = postings(&mut moment).await?;
        let (balances_cents, wrong_balances) = balances(&mut moment).await?;
        let books = Self {
            payments: decisions(PAYMENTS, &mut moment).await?,
            refunds: decisions(REFUNDS, &mut moment).await?,
            reversals: rows(REVERSALS, &mut moment).await?,
            statements: rows(STATEMENTS, &mut moment).await?,
            refunded_cents: number(REFUNDED, &mut moment).await?,
            postings,
            unbalanced_postings,
            customers_cents: account("customers", &mut moment).await?,
            merchants_cents: account("merchant:%", &mut moment).await?,
            fees_cents: account("fees", &mut moment).await?,
            balances_cents,
            wrong_balances,
        };
        moment.rollback().await?;
        Ok(books)
    }

    pub fn applied(&self) -> i64 {
        self.payments.accepted + self.reversals.rows
    }

    pub fn rejected(&self) -> i64 {
        self.payments.rejected() + self.refunds.rejected()
    }

    pub fn are_empty(&self) -> bool {
        *self == Self::default()
    }
}

const PAYMENTS: &str = "\
SELECT COUNT(*), COUNT(DISTINCT payment), COUNT(CASE WHEN rejected IS NULL THEN 1 END), \
       CAST(COALESCE(SUM(CASE WHEN rejected IS NULL THEN amount_cents END), 0) AS BIGINT) \
FROM payments";

const REFUNDS: &str = "\
SELECT COUNT(*), COUNT(DISTINCT refund), COUNT(CASE WHEN rejected IS NULL THEN 1 END), \
       CAST(COALESCE(SUM(CASE WHEN rejected IS NULL THEN amount_cents END), 0) AS BIGINT) \
FROM refunds";

const REVERSALS: &str = "\
SELECT COUNT(*), COUNT(DISTINCT refund), CAST(COALESCE(SUM(amount_cents), 0) AS BIGINT) FROM reversals";

const STATEMENTS: &str = "\
SELECT COUNT(*), COUNT(DISTINCT about), CAST(COALESCE(SUM(cents), 0) AS BIGINT) FROM statement_lines";

const REFUNDED: &str = "SELECT CAST(COALESCE(SUM(refunded_cents), 0) AS BIGINT) FROM payments";

const POSTINGS: &str = "\
SELECT COUNT(*), COUNT(CASE WHEN total <> 0 THEN 1 END) \
FROM (SELECT SUM(cents) AS total FROM ledger_lines GROUP BY posting) AS sums";

const ACCOUNT: &str =
    "SELECT CAST(COALESCE(SUM(cents), 0) AS BIGINT) FROM ledger_lines WHERE account LIKE $1";

const BALANCES: &str = "\
SELECT CAST(COALESCE(SUM(kept.cents), 0) AS BIGINT), \
       COUNT(CASE WHEN kept.cents <> COALESCE(sums.total, 0) THEN 1 END) \
FROM balances AS kept \
LEFT JOIN (SELECT account, SUM(cents) AS total FROM ledger_lines GROUP BY account) AS sums ON sums.account = kept.account";

async fn decisions(query: &'static str, conn: &mut Conn) -> sqlx::Result<Decisions> {
    let (decided, distinct, accepted, accepted_cents) = sqlx::query_as(sql(query)).fetch_one(conn).await?;
    Ok(Decisions { decided, distinct, accepted, accepted_cents })
}

async fn rows(query: &'static str, conn: &mut Conn) -> sqlx::Result<Rows> {
    let (rows, distinct, cents) = sqlx::query_as(sql(query)).fetch_one(conn).await?;
    Ok(Rows { rows, distinct, cents })
}

async fn postings(conn: &mut Conn) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(sql(POSTINGS)).fetch_one(conn).await
}

async fn balances(conn: &mut Conn) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(sql(BALANCES)).fetch_one(conn).await
}

async fn account(pattern: &str, conn: &mut Conn) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql(ACCOUNT)).bind(pattern.to_owned()).fetch_one(conn).await
}

async fn number(query: &'static str, conn: &mut Conn) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql(query)).fetch_one(conn).await
}
