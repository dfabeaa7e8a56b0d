//! Units at an even pace, and how long each takes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use consumer_core::storage::Storage;
use serde::{Deserialize, Serialize};

use super::units::Units;

/// How long units took, from begin to commit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How many there were.
    pub units: usize,
    /// Half were faster, in microseconds.
    pub p50_us: u64,
    /// One in a hundred was slower.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// Units per second that were run, if they kept up with the pace.
    pub per_second: f64,
}

/// Runs units until `over` says so, at so many per second; one that is late is run at once.
pub(super) async fn run<S: Storage>(
    units: &mut Units<S>,
    pace: f64,
    over: impl Fn(Duration) -> bool,
) -> Result<Times> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while !over(begun.elapsed()) {
        let due = Duration::from_secs_f64(times.len() as f64 / pace);
        if let Some(early) = due.checked_sub(begun.elapsed()).filter(|early| !early.is_zero()) {
            units.rest().await?;
            tokio::time::sleep(early).await;
        }
        let started = Instant::now();
        units.one().await?;
        times.push(u64::try_from(started.elapsed().as_micros())?);
    }
    let per_second = times.len() as f64 / begun.elapsed().as_secs_f64();
    units.rest().await?;
    of(times, per_second)
}

fn of(mut times: Vec<u64>, per_second: f64) -> Result<Times> {
    ensure!(!times.is_empty(), "no unit was run");
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    Ok(Times { units: times.len(), p50_us: at(0.5), p99_us: at(0.99), max_us: at(1.0), per_second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_counts_as_such() {
        let times = of((0..1_000).rev().collect(), 10.0).expect("there are times");
        let expected = Times { units: 1_000, p50_us: 499, p99_us: 989, max_us: 999, per_second: 10.0 };
        assert_eq!(times, expected);
        assert!(of(Vec::new(), 0.0).is_err());
    }
}
