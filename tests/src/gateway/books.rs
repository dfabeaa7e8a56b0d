//! What a gateway remembers: every key with its body, and every charge.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};

use super::Fault;

/// What a call asks for, as far as the gateway reads it.
#[derive(Deserialize)]
struct Asked {
    payment: String,
}

/// What the gateway answers, the same for every call with one key.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Charge {
    charge: String,
}

/// The gateway's books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    calls: u64,
    faults: BTreeMap<Fault, u64>,
    keyless: u64,
    /// The first body of each key of an account.
    bodies: HashMap<(String, String), Bytes>,
    /// The keys that charged a payment, by account and payment.
    charges: BTreeMap<(String, String), BTreeSet<String>>,
    /// Keys that came with another body.
    reused: BTreeSet<String>,
    repeated: u64,
}

impl Books {
    pub(super) fn called(&mut self, fault: Option<Fault>) {
        self.calls += 1;
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    pub(super) fn keyless(&mut self) {
        self.keyless += 1;
    }

    /// Charges, or repeats the answer for a known key; `None` for a known key with another body.
    pub(super) fn charge(&mut self, account: &str, key: &str, body: &Bytes) -> Option<Charge> {
        let at = (account.to_owned(), key.to_owned());
        match self.bodies.get(&at) {
            Some(first) if first != body => {
                self.reused.insert(key.to_owned());
                return None;
            }
            Some(_) => self.repeated += 1,
            None => {
                let asked: Asked = serde_json::from_slice(body).expect("a charge");
                self.charges.entry((account.to_owned(), asked.payment)).or_default().insert(key.to_owned());
                self.bodies.insert(at, body.clone());
            }
        }
        Some(Charge { charge: format!("ch_{key}") })
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The payments that an account has charged.
    pub fn charged(&self, account: &str) -> BTreeSet<String> {
        let of_account = self.charges.keys().filter(|(of, _)| of == account);
        of_account.map(|(_, payment)| payment.clone()).collect()
    }

    /// How often each fault struck.
    pub fn faults(&self) -> &BTreeMap<Fault, u64> {
        &self.faults
    }

    /// Calls under a key that was known.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// # Panics
    /// If invariant I7 is broken: a payment charged under two keys, a key with two bodies, a call without a key.
    pub fn assert_clean(&self) {
        let doubled: Vec<_> = self.charges.iter().filter(|(_, keys)| keys.len() > 1).collect();
        assert!(doubled.is_empty(), "I7: charged under several keys {doubled:?}");
        assert!(self.reused.is_empty(), "I7: keys with another body {:?}", self.reused);
        assert_eq!(self.keyless, 0, "I7: calls without a key");
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gateway: calls {}, faults {:?}, charges {}, repeated under their key {}, keys with another body {}",
            self.calls,
            self.faults,
            self.charges.len(),
            self.repeated,
            self.reused.len()
        )
    }
}
