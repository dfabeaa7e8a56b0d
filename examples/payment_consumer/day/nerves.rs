//! A fraud rule that loses its nerve.

use std::{
    panic,
    sync::atomic::{AtomicI64, Ordering},
};

use crate::{
    event::PaymentCaptured,
    fraud::{FraudRule, HouseRule},
};

/// One call in this many panics.
const ONE_IN: u32 = 100;

/// The rule of the house, inside a handler that panics now and then.
#[derive(Default)]
pub struct Nervous {
    panics: AtomicI64,
}

impl Nervous {
    pub fn panics(&self) -> i64 {
        self.panics.load(Ordering::Relaxed)
    }
}

impl FraudRule for Nervous {
    fn objection(&self, payment: &PaymentCaptured) -> Option<&'static str> {
        if fastrand::u32(..ONE_IN) == 0 {
            self.panics.fetch_add(1, Ordering::Relaxed);
            // As `panic!` would, but without the message on the terminal.
            panic::resume_unwind(Box::new("the fraud rule lost its nerve"));
        }
        HouseRule.objection(payment)
    }
}
