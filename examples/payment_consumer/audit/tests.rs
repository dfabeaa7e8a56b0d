//! An audit that finds what somebody has tampered with.

use std::collections::BTreeMap;

use super::*;
use crate::{
    books::{Decisions, Rows},
    gateway::Done,
};

/// All that an audit looks at.
struct Evidence {
    books: Books,
    tally: Tally,
    remains: Remains,
    log: Log,
}

/// Two payments of 100.00, one of them rejected, and a refund of 40.00.
fn books() -> Books {
    Books {
        payments: Decisions { decided: 2, distinct: 2, accepted: 1, accepted_cents: 10_000 },
        refunds: Decisions { decided: 1, distinct: 1, accepted: 1, accepted_cents: 4_000 },
        reversals: Rows { rows: 1, distinct: 1, cents: 4_000 },
        statements: Rows { rows: 2, distinct: 2, cents: 5_710 },
        refunded_cents: 4_000,
        postings: 2,
        unbalanced_postings: 0,
        customers_cents: -6_000,
        merchants_cents: 5_710,
        fees_cents: 290,
        balances_cents: 5_710,
        wrong_balances: 0,
    }
}

fn tally() -> Tally {
    let done = |cents| Done { times: 1, distinct: 1, cents };
    Tally { charges: done(10_000), receipts: done(10_000), refunds: done(4_000), repeated: 3, altered: 0 }
}

fn log() -> Log {
    Log {
        published: 4,
        poisoned: 1,
        dead_letters: BTreeMap::from([("undecodable".to_owned(), 1)]),
        delivered: 9,
        redelivered: 2,
        doubled: 1,
        duplicates: 1,
        crashes: 1,
        cut_off: 1,
        panics: 1,
        faults: BTreeMap::from([("500", 1), ("silent", 2)]),
        lost_channels: 1,
        lost_confirms: 1,
    }
}

/// The statements that no longer hold once somebody has tampered with the evidence.
fn found_in(tamper: impl Fn(&mut Evidence)) -> Vec<&'static str> {
    let mut day = Evidence { books: books(), tally: tally(), remains: Remains::default(), log: log() };
    tamper(&mut day);
    let audit = Audit::of_day(&day.books, &day.tally, &day.remains, &day.log);
    let failed: Vec<_> = audit.checks.iter().filter(|check| !check.holds).map(|c| c.statement).collect();
    assert_eq!(audit.passes(), failed.is_empty());
    failed
}

fn found(tamper: impl Fn(&mut Books, &mut Log)) -> Vec<&'static str> {
    found_in(|day| tamper(&mut day.books, &mut day.log))
}

#[test]
fn honest_books_pass() {
    assert_eq!(found(|_, _| {}), [""; 0]);
}

#[test]
fn a_payment_that_took_effect_twice_is_found() {
    let twice = |books: &mut Books, _: &mut Log| {
        books.payments.decided += 1;
        books.payments.accepted += 1;
        books.payments.accepted_cents += 10_000;
        books.postings += 1;
        books.customers_cents -= 10_000;
        books.merchants_cents += 9_710;
        books.balances_cents += 9_710;
        books.fees_cents += 290;
    };
    let expected = [
        "nothing took effect twice",
        "what was published arrived once",
        "each payment was charged once",
        "each payment has one receipt",
        "every event has one outcome",
    ];
    assert_eq!(found(twice), expected);
}

#[test]
fn a_lost_event_is_found() {
    assert_eq!(found(|_, log| log.published += 1), ["every event has one outcome"]);
}

#[test]
fn a_cent_that_vanished_is_found() {
    let found = found(|books, _| {
        books.fees_cents -= 1;
        books.unbalanced_postings = 1;
    });
    assert_eq!(found, ["the ledger is balanced", "money in = money out"]);
}

#[test]
fn a_balance_that_was_raised_twice_is_found() {
    let found = found(|books, _| {
        books.balances_cents += 9_710;
        books.wrong_balances = 1;
    });
    assert_eq!(found, ["the balances are what the ledger says"]);
}

#[test]
fn a_balance_nobody_kept_is_found() {
    assert_eq!(found(|books, _| books.balances_cents = 0), ["the balances are what the ledger says"]);
}

#[test]
fn a_posting_without_its_payment_is_found() {
    assert_eq!(found(|books, _| books.postings += 1), ["all that was accepted was posted"]);
}

#[test]
fn a_refund_that_its_payment_knows_nothing_of_is_found() {
    assert_eq!(found(|books, _| books.refunded_cents = 0), ["no refund went missing"]);
}

#[test]
fn a_good_event_among_the_dead_letters_is_found() {
    let rejected_one_is_dead = |books: &mut Books, log: &mut Log| {
        books.payments.decided -= 1;
        books.payments.distinct -= 1;
        log.dead_letters.insert("attempts-exhausted".to_owned(), 1);
    };
    assert_eq!(found(rejected_one_is_dead), ["only what was poisoned is a dead letter"]);
}

#[test]
fn a_day_without_accidents_proves_nothing() {
    assert_eq!(found(|_, log| log.crashes = 0), ["every kind of accident happened"]);
}

#[test]
fn a_second_charge_under_another_key_is_found() {
    let found = found_in(|day| {
        day.tally.charges.times += 1;
        day.tally.charges.cents += 10_000;
    });
    assert_eq!(found, ["each payment was charged once"]);
}

#[test]
fn a_charge_that_never_came_is_found() {
    assert_eq!(found_in(|day| day.tally.charges = Done::default()), ["each payment was charged once"]);
}

#[test]
fn a_missing_receipt_is_found() {
    assert_eq!(found_in(|day| day.tally.receipts = Done::default()), ["each payment has one receipt"]);
}

#[test]
fn money_given_back_twice_is_found() {
    let found = found_in(|day| {
        day.tally.refunds.times += 1;
        day.tally.refunds.cents += 4_000;
    });
    assert_eq!(found, ["each refund was given back once"]);
}

#[test]
fn a_key_with_another_body_is_found() {
    assert_eq!(found_in(|day| day.tally.altered = 1), ["no key was sent with other bytes"]);
}

#[test]
fn an_event_that_never_arrived_is_found() {
    let lost = |books: &mut Books, _: &mut Log| {
        books.statements = Rows { rows: 1, distinct: 1, cents: 9_710 };
    };
    assert_eq!(found(lost), ["what was published arrived once"]);
}

#[test]
fn an_event_that_took_effect_twice_downstream_is_found() {
    let twice = |books: &mut Books, _: &mut Log| books.statements.rows += 1;
    assert_eq!(found(twice), ["what was published arrived once"]);
}

#[test]
fn an_agreed_refund_that_was_never_given_back_is_found() {
    let found = found_in(|day| {
        day.books.reversals = Rows::default();
        day.tally.refunds = Done::default();
    });
    assert!(found.contains(&"no refund went missing"), "{found:?}");
}

#[test]
fn what_has_not_left_is_found() {
    let unsent = found_in(|day| day.remains.outbox.unsent = 1);
    assert_eq!(unsent, ["nothing is left to be sent or called"]);
    let planned = found_in(|day| day.remains.effects.planned = 1);
    assert_eq!(planned, ["nothing is left to be sent or called"]);
    let unknown = found_in(|day| day.remains.effects.unknown = 1);
    assert_eq!(unknown, ["nothing waits for a person"]);
}

#[test]
fn a_gateway_that_never_failed_proves_nothing() {
    let never_silent = |_: &mut Books, log: &mut Log| {
        log.faults.insert("silent", 0);
    };
    assert_eq!(found(never_silent), ["every kind of accident happened"]);
}
