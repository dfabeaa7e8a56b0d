//! What others did on the machine meanwhile.

use std::time::Instant;

use crate::cpu::{self, Root};

pub(super) struct Share {
    database: Option<Root>,
    begun: Instant,
    machine_us: u64,
    ours_us: u64,
}

impl Share {
    pub(super) fn begin(database: Option<Root>) -> Self {
        let (machine_us, ours_us) = (cpu::machine_us(), ours_us(database));
        Self { database, begun: Instant::now(), machine_us, ours_us }
    }

    /// Which part of the machine processes used that are neither this one nor the database.
    pub(super) fn of_others(&self) -> f64 {
        let whole_us = self.begun.elapsed().as_micros() as f64 * cpu::cores() as f64;
        let ours_us = ours_us(self.database).saturating_sub(self.ours_us);
        (cpu::machine_us() - self.machine_us).saturating_sub(ours_us) as f64 / whole_us
    }
}

fn ours_us(database: Option<Root>) -> u64 {
    cpu::own_us() + database.map_or(0, cpu::tree_us)
}
