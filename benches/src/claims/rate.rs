//! Claims per second, in rounds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use consumer_core::storage::Storage;
use serde::{Deserialize, Serialize};

use super::units::{BATCH, Units};
use crate::results::Spread;

const ROUNDS: usize = 3;
const MODES: [Mode; 3] = [Mode::One, Mode::Batch, Mode::Duplicates];

#[derive(Clone, Copy, Debug)]
enum Mode {
    One,
    Batch,
    Duplicates,
}

/// Claims per second in each round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rates {
    /// One in a unit.
    pub one: Vec<f64>,
    /// New ones, 64 in a unit.
    pub batch: Vec<f64>,
    /// Such as are there, 64 in a unit.
    pub duplicates: Vec<f64>,
}

impl Rates {
    fn of(&mut self, mode: Mode) -> &mut Vec<f64> {
        match mode {
            Mode::One => &mut self.one,
            Mode::Batch => &mut self.batch,
            Mode::Duplicates => &mut self.duplicates,
        }
    }
}

/// The middle one.
pub(super) fn median(rates: &[f64]) -> Option<f64> {
    Spread::of(rates.iter().copied()).map(|spread| spread.median)
}

pub(super) struct Meter<S: Storage> {
    pub(super) units: Units<S>,
    span: Duration,
}

impl<S: Storage> Meter<S> {
    pub(super) fn new(units: Units<S>, span: Duration) -> Self {
        Self { units, span }
    }

    pub(super) fn span(&self) -> Duration {
        self.span
    }

    /// All modes in turn, several times, another one first each time.
    pub(super) async fn rates(&mut self, say: impl Fn(String)) -> Result<Rates> {
        let mut rates = Rates::default();
        for round in 0..ROUNDS {
            for at in 0..MODES.len() {
                let mode = MODES[(at + round) % MODES.len()];
                rates.of(mode).push(self.rate(mode).await?);
            }
        }
        let [one, batch, duplicates] = MODES.map(|mode| median(rates.of(mode)).unwrap_or_default());
        say(format!("{one:.0}/s one by one, {batch:.0}/s in batches, {duplicates:.0}/s of duplicates"));
        Ok(rates)
    }

    /// How many units per second there are one by one, as the table is now.
    pub(super) async fn unpaced(&mut self) -> Result<f64> {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push(self.rate(Mode::One).await?);
        }
        median(&rates).context("there are rounds")
    }

    async fn rate(&mut self, mode: Mode) -> Result<f64> {
        let (begun, mut claims) = (Instant::now(), 0);
        while begun.elapsed() < self.span {
            match mode {
                Mode::One => self.units.one().await?,
                Mode::Batch => self.units.batch().await?,
                Mode::Duplicates => self.units.duplicates().await?,
            }
            claims += if matches!(mode, Mode::One) { 1 } else { BATCH };
        }
        let rate = claims as f64 / begun.elapsed().as_secs_f64();
        self.units.rest().await?;
        Ok(rate)
    }
}
