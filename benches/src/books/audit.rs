//! Whether the books are right: nothing lost, nothing twice, every balance the sum of its payments.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, ensure};

use super::Entries;
use crate::payment::Payment;

/// Compares what was published with what is booked.
pub(super) fn audit(published: &[Payment], entries: &Entries) -> Result<()> {
    let taken = || published.iter().filter(|payment| !payment.is_refused());
    let due: HashSet<_> = taken().map(|p| (p.payment, p.account, p.amount_cents)).collect();
    let booked: HashSet<_> = entries.payments.iter().copied().collect();
    let (lost, foreign) = (due.difference(&booked).count(), booked.difference(&due).count());
    ensure!(lost == 0, "{lost} of {} payments are lost", due.len());
    ensure!(foreign == 0, "{foreign} payments are booked that nobody made");
    ensure!(booked.len() == entries.payments.len(), "payments are booked twice");

    let mut sums: HashMap<i64, i64> = HashMap::new();
    for payment in taken() {
        *sums.entry(payment.account).or_default() += payment.amount_cents;
    }
    let sum = |account: &i64| sums.get(account).copied().unwrap_or_default();
    let wrong = entries.balances.iter().filter(|(account, cents)| *cents != sum(account)).count();
    ensure!(wrong == 0, "{wrong} balances are not the sum of their payments");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(payments: &[Payment]) -> Entries {
        let booked = payments.iter().map(|p| (p.payment, p.account, p.amount_cents)).collect();
        let accounts: HashSet<_> = payments.iter().map(|p| p.account).collect();
        let sum = |a: i64| payments.iter().filter(|p| p.account == a).map(|p| p.amount_cents).sum();
        Entries { payments: booked, balances: accounts.iter().map(|a| (*a, sum(*a))).collect() }
    }

    fn wrong(published: &[Payment], entries: &Entries) -> String {
        audit(published, entries).expect_err("they are wrong").to_string()
    }

    #[test]
    fn what_is_lost_or_twice_or_half_done_is_found() {
        let all: Vec<_> = (0..50).map(|_| Payment::any()).collect();
        audit(&all, &books(&all)).expect("they are right");
        assert!(wrong(&all, &books(&all[1..])).contains("1 of 50 payments are lost"));
        assert!(wrong(&all[1..], &books(&all)).contains("nobody made"));
        let mut twice = books(&all);
        twice.balances[0].1 += 1;
        assert!(wrong(&all, &twice).contains("1 balances"));
    }

    #[test]
    fn what_was_refused_is_not_booked() {
        let all = [Payment::any(), Payment::any().refused()];
        audit(&all, &books(&all[..1])).expect("they are right");
        assert!(wrong(&all, &books(&all)).contains("nobody made"));
    }
}
