//! The desk, where keys are remembered: work is done once for each of them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    fault::Fault,
    tally::{Done, Tally},
};

/// A key meets no more faults than this, so that a day comes to an end.
const MOST_FAULTS: u32 = 2;

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Charge,
    Refund,
    Receipt,
}

/// What a caller says that it wants done.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Order {
    pub payment: Uuid,
    refund: Option<Uuid>,
    amount_cents: i64,
}

/// What the desk says to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The work is done, now or before; this is its number.
    Done(u64),
    /// The key is new: the work is to be done.
    Begun,
    /// The first call with this key is still in work.
    InProgress,
    /// The key was used with other bytes.
    Altered,
    /// There is no charge that could be given back. The key is not used up.
    NoCharge,
}

/// All that a gateway remembers.
#[derive(Default)]
pub struct Desk(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    keys: HashMap<(Work, String), Entry>,
    faults: HashMap<String, u32>,
    charged: HashSet<Uuid>,
    repeated: i64,
    altered: i64,
}

struct Entry {
    body: Bytes,
    order: Order,
    /// The number of the work, once it is done.
    done: Option<u64>,
}

impl Desk {
    /// Takes a call, and remembers its key.
    pub fn take(&self, work: Work, key: &str, body: &Bytes, order: Order) -> Says {
        let mut memory = self.memory();
        if let Some(entry) = memory.keys.get(&(work, key.to_owned())) {
            let (altered, done) = (entry.body != *body, entry.done);
            memory.repeated += 1;
            memory.altered += i64::from(altered);
            return match done {
                _ if altered => Says::Altered,
                Some(number) => Says::Done(number),
                None => Says::InProgress,
            };
        }
        if work == Work::Refund && !memory.charged.contains(&order.payment) {
            return Says::NoCharge;
        }
        memory.keys.insert((work, key.to_owned()), Entry { body: body.clone(), order, done: None });
        Says::Begun
    }

    /// Does the work of a key that was taken.
    pub fn finish(&self, work: Work, key: &str) -> u64 {
        let mut memory = self.memory();
        let number = memory.keys.len() as u64;
        let Some(entry) = memory.keys.get_mut(&(work, key.to_owned())) else { return number };
        let (number, payment) = (*entry.done.get_or_insert(number), entry.order.payment);
        if work == Work::Charge {
            memory.charged.insert(payment);
        }
        number
    }

    /// Whether this key is still to be spared.
    pub fn spares(&self, key: &str, fault: Option<Fault>) -> bool {
        let mut memory = self.memory();
        let faults = memory.faults.entry(key.to_owned()).or_default();
        let spared = *faults >= MOST_FAULTS;
        *faults += u32::from(fault.is_some());
        spared
    }

    pub fn tally(&self) -> Tally {
        let memory = self.memory();
        Tally {
            charges: memory.done(Work::Charge),
            refunds: memory.done(Work::Refund),
            receipts: memory.done(Work::Receipt),
            repeated: memory.repeated,
            altered: memory.altered,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn done(&self, work: Work) -> Done {
        let entries = self.keys.iter().filter(|((of, _), entry)| *of == work && entry.done.is_some());
        let orders: Vec<Order> = entries.map(|(_, entry)| entry.order).collect();
        let about: HashSet<Uuid> = orders.iter().map(|order| order.refund.unwrap_or(order.payment)).collect();
        Done {
            times: orders.len() as i64,
            distinct: about.len() as i64,
            cents: orders.iter().map(|order| order.amount_cents).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(desk: &Desk, work: Work, key: &str, cents: i64) -> Says {
        let payment = Uuid::nil();
        let body = Bytes::from(format!("{cents}"));
        desk.take(work, key, &body, Order { payment, refund: None, amount_cents: cents })
    }

    #[test]
    fn a_key_is_worked_for_once() {
        let desk = Desk::default();
        assert_eq!(call(&desk, Work::Charge, "k", 100), Says::Begun);
        assert_eq!(call(&desk, Work::Charge, "k", 100), Says::InProgress);
        let number = desk.finish(Work::Charge, "k");
        assert_eq!(desk.finish(Work::Charge, "k"), number);
        assert_eq!(call(&desk, Work::Charge, "k", 100), Says::Done(number));
        let charges = Done { times: 1, distinct: 1, cents: 100 };
        assert_eq!((desk.tally().charges, desk.tally().repeated), (charges, 2));
    }

    #[test]
    fn another_key_is_another_charge() {
        let desk = Desk::default();
        for key in ["k-1", "k-2"] {
            call(&desk, Work::Charge, key, 100);
            desk.finish(Work::Charge, key);
        }
        assert_eq!(desk.tally().charges, Done { times: 2, distinct: 1, cents: 200 });
    }

    #[test]
    fn a_key_with_another_body_is_refused_and_counted() {
        let desk = Desk::default();
        call(&desk, Work::Charge, "k", 100);
        assert_eq!(call(&desk, Work::Charge, "k", 101), Says::Altered);
        assert_eq!(desk.tally().altered, 1);
    }

    #[test]
    fn nothing_is_given_back_before_it_was_charged() {
        let desk = Desk::default();
        assert_eq!(call(&desk, Work::Refund, "r", 100), Says::NoCharge);
        call(&desk, Work::Charge, "k", 100);
        desk.finish(Work::Charge, "k");
        assert_eq!(call(&desk, Work::Refund, "r", 100), Says::Begun);
    }
}
