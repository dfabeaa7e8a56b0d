//! What goes wrong at a gateway.

use std::sync::atomic::{AtomicI64, Ordering};

/// A way to fail. All but the last leave the caller in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does its work, and never answers.
    Silence,
    /// It does its work, and answers 500.
    Crash,
    /// It does its work, and the answer breaks off.
    HalfAnAnswer,
    /// It answers 409, and does its work meanwhile.
    InProgress,
    /// It answers 429, and does nothing.
    Busy,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::Silence, Self::Crash, Self::HalfAnAnswer, Self::InProgress, Self::Busy];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silent",
            Self::Crash => "500",
            Self::HalfAnAnswer => "cut off",
            Self::InProgress => "409",
            Self::Busy => "429",
        }
    }
}

/// Faults at random.
pub struct Faults {
    percent: u8,
    struck: [AtomicI64; 5],
}

impl Faults {
    pub fn new(percent: u8) -> Self {
        Self { percent, struck: Default::default() }
    }

    /// What goes wrong with the next call.
    pub fn next(&self) -> Option<Fault> {
        let strikes = fastrand::u8(..100) < self.percent;
        strikes.then(|| Fault::ALL[fastrand::usize(..Fault::ALL.len())])
    }

    pub fn count(&self, fault: Fault) {
        self.struck[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn struck(&self) -> [(Fault, i64); 5] {
        Fault::ALL.map(|fault| (fault, self.struck[fault as usize].load(Ordering::Relaxed)))
    }
}
