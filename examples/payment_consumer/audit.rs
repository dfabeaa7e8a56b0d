//! The audit: what must be true of the books, whatever happened to the messages.

use std::fmt;

use crate::{
    books::Books,
    day::Log,
    figure::{count, money},
};

/// Figures to look at, and statements that hold or do not.
pub struct Audit {
    figures: Vec<Figure>,
    checks: Vec<Check>,
}

struct Figure {
    name: &'static str,
    value: i64,
    remark: String,
}

struct Check {
    statement: &'static str,
    proof: String,
    holds: bool,
}

impl Audit {
    /// Of what a database holds.
    pub fn of_books(books: &Books) -> Self {
        Self { figures: outcomes(books), checks: of_books(books) }
    }

    /// Of a day whose messages, dead letters and accidents were counted as well.
    pub fn of_day(books: &Books, log: &Log) -> Self {
        let figures = [traffic(log), outcomes(books), accidents(log)].into_iter().flatten().collect();
        let checks = of_books(books).into_iter().chain(of_log(books, log)).collect();
        Self { figures, checks }
    }

    pub fn passes(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

fn traffic(log: &Log) -> Vec<Figure> {
    vec![
        figure("events published", log.published, format!("{} of them poisoned", count(log.poisoned))),
        figure(
            "messages delivered",
            log.delivered,
            format!("{} published twice, {} delivered again", count(log.doubled), count(log.redelivered)),
        ),
        figure("duplicates skipped", log.duplicates, "their claims were found".to_owned()),
    ]
}

fn outcomes(books: &Books) -> Vec<Figure> {
    let of = |payments, refunds| format!("{} payments, {} refunds", count(payments), count(refunds));
    vec![
        figure("applied", books.applied(), of(books.payments.accepted, books.refunds.accepted)),
        figure("rejected", books.rejected(), of(books.payments.rejected(), books.refunds.rejected())),
    ]
}

fn accidents(log: &Log) -> Vec<Figure> {
    let accidents = format!("{} units cut off, {} panics", count(log.cut_off), count(log.panics));
    vec![
        figure("dead-lettered", log.dead(), reasons(log)),
        figure("crashes survived", log.crashes, accidents),
        figure("channels lost", log.lost_channels, format!("{} confirms", count(log.lost_confirms))),
    ]
}

fn reasons(log: &Log) -> String {
    let reasons = log.dead_letters.iter().map(|(reason, times)| format!("{} {reason}", count(*times)));
    reasons.collect::<Vec<_>>().join(", ")
}

fn of_books(books: &Books) -> Vec<Check> {
    let decided = books.payments.decided + books.refunds.decided;
    let distinct = books.payments.distinct + books.refunds.distinct;
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
            books.refunded_cents == books.refunds.accepted_cents,
            format!("{} given back", money(books.refunds.accepted_cents)),
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

fn of_log(books: &Books, log: &Log) -> Vec<Check> {
    let (applied, rejected) = (books.applied(), books.rejected());
    vec![
        check(
            "every event has one outcome",
            applied + rejected + log.dead() == log.published,
            format!("{} + {} + {}", count(applied), count(rejected), count(log.dead())),
        ),
        check(
            "only what was poisoned is a dead letter",
            log.dead() == log.poisoned,
            format!("{} of {}", count(log.dead()), count(log.poisoned)),
        ),
        check(
            "every kind of accident happened",
            log.accidents().iter().all(|&times| times > 0),
            "a day without them would prove nothing".to_owned(),
        ),
    ]
}

fn figure(name: &'static str, value: i64, remark: String) -> Figure {
    Figure { name, value, remark }
}

fn check(statement: &'static str, holds: bool, proof: String) -> Check {
    Check { statement, proof, holds }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = "─".repeat(86);
        writeln!(f, "{line}")?;
        for Figure { name, value, remark } in &self.figures {
            writeln!(f, "  {name:<24} {:>9}   {remark}", count(*value))?;
        }
        writeln!(f, "{line}")?;
        for Check { statement, proof, holds } in &self.checks {
            writeln!(f, "{} {statement:<40} {proof}", if *holds { "✓" } else { "✗" })?;
        }
        writeln!(f, "{line}")?;
        write!(f, "The audit {}.", if self.passes() { "passes" } else { "FAILS" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::books::Decisions;

    /// Two payments of 100.00, one of them rejected, and a refund of 40.00.
    fn books() -> Books {
        Books {
            payments: Decisions { decided: 2, distinct: 2, accepted: 1, accepted_cents: 10_000 },
            refunds: Decisions { decided: 1, distinct: 1, accepted: 1, accepted_cents: 4_000 },
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
            lost_channels: 1,
            lost_confirms: 1,
        }
    }

    /// The statements that no longer hold once somebody has tampered with the figures.
    fn found(tamper: impl Fn(&mut Books, &mut Log)) -> Vec<&'static str> {
        let (mut books, mut log) = (books(), log());
        tamper(&mut books, &mut log);
        let audit = Audit::of_day(&books, &log);
        let failed: Vec<_> = audit.checks.iter().filter(|check| !check.holds).map(|c| c.statement).collect();
        assert_eq!(audit.passes(), failed.is_empty());
        failed
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
        assert_eq!(found(twice), ["nothing took effect twice", "every event has one outcome"]);
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
}
