//! The sweeper: deletes rows that nobody needs any more.

use std::time::Duration;

use metrics::counter;

use crate::{
    clock,
    error::Chain,
    storage::{Storage, StorageError, SweepPace, Swept},
    telemetry::{EFFECTS_SWEPT, FAILURES_SWEPT, OUTBOX_SWEPT, SWEPT},
};

/// Between two sweeps.
const INTERVAL: Duration = Duration::from_secs(60);
/// After so long a sweep rests no more: rows come faster than it deletes them.
const UNHURRIED: Duration = Duration::from_secs(300);

/// How long rows are kept.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// Claims, longer than any message that can still come back, and the effects of their events.
    pub(super) retention: Duration,
    /// Failure records, and with them the claims of their events.
    pub(super) failures: Duration,
    /// Events of the outbox, after they were published.
    pub(super) sent: Duration,
}

/// Sweeps until it is dropped.
pub(super) async fn run<S: Storage>(storage: S, kept: Kept) {
    let [mut failures, mut claims, mut events, mut effects] = [
        Broom::new("failure records", FAILURES_SWEPT),
        Broom::new("claims", SWEPT),
        Broom::new("events", OUTBOX_SWEPT),
        Broom::new("effects", EFFECTS_SWEPT),
    ];
    loop {
        clock::sleep(INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        // Before the claims, which they keep, and which tell whether they are over.
        failures.sweep(|rows| storage.sweep_failures(kept.retention, kept.failures, rows)).await;
        claims.sweep(|rows| storage.sweep(kept.retention, rows)).await;
        events.sweep(|rows| storage.sweep_outbox(kept.sent, rows)).await;
        effects.sweep(|rows| storage.sweep_effects(kept.retention, rows)).await;
    }
}

/// Sweeps one table.
struct Broom {
    what: &'static str,
    counter: &'static str,
    pace: SweepPace,
}

impl Broom {
    fn new(what: &'static str, counter: &'static str) -> Self {
        Self { what, counter, pace: SweepPace::default() }
    }

    /// Sweeps until nothing is left.
    async fn sweep<F>(&mut self, mut statement: impl FnMut(u32) -> F)
    where
        F: Future<Output = Result<Swept, StorageError>>,
    {
        let sweeping = clock::now();
        loop {
            let begun = clock::now();
            let more = swept(self.what, self.counter, statement(self.pace.rows()).await);
            let rest = self.pace.took(begun.elapsed());
            if !more {
                return;
            }
            if sweeping.elapsed() < UNHURRIED {
                clock::sleep(rest).await;
            }
        }
    }
}

/// Counts one batch; whether there is more to do.
fn swept(what: &'static str, counter: &'static str, swept: Result<Swept, StorageError>) -> bool {
    match swept {
        Ok(swept) => {
            counter!(counter).increment(swept.rows);
            swept.more
        }
        Err(error) => {
            tracing::warn!(error = %Chain(error.as_ref()), "cannot sweep old {what}; trying again in a minute");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_sweeper_rests_longer_than_it_sweeps() {
        let begun = clock::now();
        let mut left = vec![20, 20, 20];
        let mut broom = Broom::new("claims", SWEPT);
        broom
            .sweep(|_| {
                let took = left.pop().unwrap_or_default();
                let more = !left.is_empty();
                async move {
                    clock::sleep(Duration::from_millis(took)).await;
                    Ok(Swept { rows: 1, more })
                }
            })
            .await;
        assert_eq!(
            begun.elapsed(),
            Duration::from_millis(60 + 80),
            "60 of work, and a rest after all but the last"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_that_does_not_keep_up_rests_no_more() {
        let (begun, mut left) = (clock::now(), 2_000);
        Broom::new("claims", SWEPT)
            .sweep(|_| {
                left -= 1;
                let more = left > 0;
                async move {
                    clock::sleep(Duration::from_secs(1)).await;
                    Ok(Swept { rows: 1, more })
                }
            })
            .await;
        assert_eq!(
            begun.elapsed(),
            UNHURRIED + Duration::from_secs(1_900),
            "100 of the 2,000 had a rest behind them"
        );
    }
}
