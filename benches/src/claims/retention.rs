//! What a unit waits for a sweep that goes on beside it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use consumer_core::storage::{Storage, SweepPace};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{
    pace::{self, Times},
    rate::Meter,
    size,
    units::failed,
};

/// How long claims are kept by default.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The part of its own rate that a session is given.
const LOAD: f64 = 0.5;
/// A sweep that takes longer is measured as far as it has come.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many times as long as a rate the times are measured while nothing is swept.
const SPANS: u32 = 3;

/// Units before and during a sweep, on the same table.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Retention {
    /// Units per second that were asked for.
    pub pace: f64,
    /// While nothing was swept.
    pub quiet: Times,
    /// While old rows were swept.
    pub sweeping: Times,
    /// The sweep itself.
    pub swept: Sweep,
}

/// A sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Rows deleted.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// How long the slowest batch took, in microseconds.
    pub slowest_us: u64,
    /// Whether no old row was left.
    pub is_whole: bool,
}

/// Runs units at half of what one session can.
pub(super) async fn measure<S: Storage>(store: &S, meter: &mut Meter<S>, old: u64) -> Result<Retention> {
    let (pace, span) = (meter.unpaced().await? * LOAD, meter.span() * SPANS);
    eprintln!("  units at {pace:.0}/s, and nothing is swept");
    let quiet = pace::run(&mut meter.units, pace, |elapsed| elapsed >= span).await?;
    eprintln!("  units at {pace:.0}/s, and old rows are swept");
    let sweep = tokio::spawn(sweep(store.clone()));
    let sweeping = pace::run(&mut meter.units, pace, |_| sweep.is_finished()).await;
    let swept = ended(sweep).await?;
    ensure!(!swept.is_whole || swept.rows == old, "{} rows swept of {old} that were old", swept.rows);
    eprintln!("  {} swept in {:.1} s", size::text(swept.rows), swept.seconds);
    Ok(Retention { pace, quiet, sweeping: sweeping?, swept })
}

/// Deletes all old rows, at the pace of the runtime's sweeper.
async fn sweep<S: Storage>(store: S) -> Result<Sweep> {
    let (begun, mut swept, mut pace) = (Instant::now(), Sweep::default(), SweepPace::default());
    while !swept.is_whole && begun.elapsed() < PATIENCE {
        let started = Instant::now();
        let step = store.sweep(KEPT, pace.rows()).await.map_err(failed)?;
        let took = started.elapsed();
        swept.slowest_us = swept.slowest_us.max(u64::try_from(took.as_micros())?);
        swept.rows += step.rows;
        swept.is_whole = !step.more;
        tokio::time::sleep(pace.took(took)).await;
    }
    Ok(Sweep { seconds: begun.elapsed().as_secs_f64(), ..swept })
}

async fn ended(sweep: JoinHandle<Result<Sweep>>) -> Result<Sweep> {
    sweep.await?
}
