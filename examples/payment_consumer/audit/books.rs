//! What must be true of the books alone.

use super::{Check, Figure, check, figure};
use crate::{
    books::{Books, Rows},
    figure::{count, money},
};

pub(super) fn figures(books: &Books) -> Vec<Figure> {
    let of = |payments, refunds| format!("{} payments, {} refunds", count(payments), count(refunds));
    vec![
        figure("applied", books.applied(), of(books.payments.accepted, books.reversals.rows)),
        figure("rejected", books.rejected(), of(books.payments.rejected(), books.refunds.rejected())),
    ]
}

pub(super) fn checks(books: &Books) -> Vec<Check> {
    let decided = books.payments.decided + books.refunds.decided + books.reversals.rows;
    let distinct = books.payments.distinct + books.refunds.distinct + books.reversals.distinct;
    let paid = books.payments.accepted_cents - books.refunds.accepted_cents;
    let held = books.merchants_cents + books.fees_cents;
    vec![
        check(
            "nothing took effect twice",
            decided == distinct,
            format!("{} decisions on {} payments and refunds", count(decided), count(distinct)),
        ),
        check(
            "all that was accepted was posted",
            books.postings == books.applied(),
            format!("{} postings", count(books.postings)),
        ),
        check(
            "the ledger is balanced",
            books.unbalanced_postings == 0 && books.customers_cents + held == 0,
            format!("{} postings do not sum to zero", count(books.unbalanced_postings)),
        ),
        check(
            "the balances are what the ledger says",
            books.wrong_balances == 0 && books.balances_cents == books.merchants_cents,
            format!("{} are not", count(books.wrong_balances)),
        ),
        check(
            "no refund went missing",
            books.refunded_cents == books.refunds.accepted_cents && books.reversals == agreed(books),
            format!("{} given back of {}", money(books.reversals.cents), money(books.refunded_cents)),
        ),
        check(
            "what was published arrived once",
            books.statements == announced(books),
            format!("{} lines for {} events", count(books.statements.rows), count(books.applied())),
        ),
        check(
            "money in = money out",
            paid == held && paid == -books.customers_cents,
            format!(
                "{} = {} for merchants + {} fees",
                money(paid),
                money(books.merchants_cents),
                money(books.fees_cents)
            ),
        ),
    ]
}

/// The reversals that the accepted refunds ask for.
fn agreed(books: &Books) -> Rows {
    let refunds = &books.refunds;
    Rows { rows: refunds.accepted, distinct: refunds.accepted, cents: refunds.accepted_cents }
}

/// The lines of the statements, if each of our events has arrived once.
fn announced(books: &Books) -> Rows {
    Rows { rows: books.applied(), distinct: books.applied(), cents: books.merchants_cents }
}
