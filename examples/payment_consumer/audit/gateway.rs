//! What must be true between the books and the gateway.

use super::{Check, Figure, check, figure};
use crate::{
    books::Books,
    figure::{count, money},
    gateway::{Done, Tally},
};

pub(super) fn figures(tally: &Tally) -> Vec<Figure> {
    let (charges, refunds) = (count(tally.charges.times), count(tally.refunds.times));
    let done = tally.charges.times + tally.refunds.times + tally.receipts.times;
    vec![
        figure(
            "done at the gateway",
            done,
            format!("{charges} charges, {refunds} refunds, {} receipts", count(tally.receipts.times)),
        ),
        figure("calls repeated there", tally.repeated, "with the key of the first one".to_owned()),
    ]
}

pub(super) fn checks(books: &Books, tally: &Tally) -> Vec<Check> {
    let (payments, reversals) = (&books.payments, &books.reversals);
    vec![
        check(
            "each payment was charged once",
            is_each_once(&tally.charges, payments.accepted, payments.accepted_cents),
            format!("{} charged", money(tally.charges.cents)),
        ),
        check(
            "each payment has one receipt",
            is_each_once(&tally.receipts, payments.accepted, payments.accepted_cents),
            format!("{} receipts sent", count(tally.receipts.times)),
        ),
        check(
            "each refund was given back once",
            is_each_once(&tally.refunds, reversals.rows, reversals.cents),
            format!("{} given back", money(tally.refunds.cents)),
        ),
        check(
            "no key was sent with other bytes",
            tally.altered == 0,
            format!("{} of {} repeated calls", count(tally.altered), count(tally.repeated)),
        ),
    ]
}

fn is_each_once(done: &Done, times: i64, cents: i64) -> bool {
    *done == Done { times, distinct: times, cents }
}
