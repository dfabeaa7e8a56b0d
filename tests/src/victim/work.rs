//! The work that a victim's handlers do.

use std::{sync::Arc, time::Duration};

use consumer::{prelude::*, sqlx};
use consumer_core::fault;
use tokio::time::sleep;

use super::Consuming;
use crate::{
    business::Business,
    event::Paid,
    ledger::{Ledger, Mark},
};

/// What handlers share.
#[derive(Clone)]
pub(super) struct Work {
    ledger: Arc<Ledger>,
    millis: u64,
    exchange: Arc<str>,
}

/// A call in the ledger. It ends when it is dropped: a handler that is cut off has no open unit.
pub(super) struct Call<'c> {
    ledger: &'c Ledger,
    consumer: &'c str,
    id: &'c str,
}

impl<'c> Call<'c> {
    fn start(ledger: &'c Ledger, consumer: &'c str, id: &'c str) -> Self {
        ledger.write(Mark::Start, consumer, id);
        Self { ledger, consumer, id }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.ledger.write(Mark::End, self.consumer, self.id);
    }
}

/// Why a handler gives up.
#[derive(Debug, thiserror::Error, Classify)]
pub(super) enum WorkError {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("the event is doomed")]
    #[classify(permanent)]
    Doomed,
    #[error("not yet")]
    #[classify(transient)]
    NotYet,
}

impl Work {
    pub(super) fn new(task: &Consuming) -> Self {
        let ledger = Arc::new(Ledger::open(&task.ledger).expect("the ledger"));
        Self { ledger, millis: task.work_ms, exchange: task.exchange.as_str().into() }
    }

    /// The queue of another consumer.
    pub(super) fn queue(&self, consumer: &str) -> String {
        super::queue(&self.exchange, consumer)
    }

    /// Notes that an effect is being called, for as long as the answer is kept.
    pub(super) fn call<'c>(&'c self, effect: &'c str, id: &'c str) -> Call<'c> {
        Call::start(&self.ledger, effect, id)
    }

    /// One call: a unit is open from its first line in the ledger to its last.
    pub(super) async fn run(
        &self,
        consumer: &str,
        event: &Paid,
        conn: &mut impl Business,
    ) -> Result<(), WorkError> {
        let _call = Call::start(&self.ledger, consumer, &event.payment);
        self.apply(consumer, event, conn).await
    }

    /// The same for each event of a batch; the batch does not fail with those that are doomed.
    pub(super) async fn run_all(
        &self,
        consumer: &str,
        events: &Batch<Paid>,
        conn: &mut impl Business,
    ) -> Result<BatchFailures<WorkError>, WorkError> {
        let mut failures = BatchFailures::new();
        for item in events {
            match self.run(consumer, &item.event, conn).await {
                Err(doomed @ WorkError::Doomed) => failures.fail(item, doomed),
                outcome => outcome?,
            }
        }
        Ok(failures)
    }

    /// The same, after so many attempts that fail.
    pub(super) async fn run_at_last(
        &self,
        consumer: &str,
        event: &Paid,
        attempt: u32,
        conn: &mut impl Business,
    ) -> Result<(), WorkError> {
        match attempt > event.fails {
            true => self.run(consumer, event, conn).await,
            false => Err(WorkError::NotYet),
        }
    }

    async fn apply(&self, consumer: &str, event: &Paid, conn: &mut impl Business) -> Result<(), WorkError> {
        if event.fatal {
            std::process::abort();
        }
        if event.doomed {
            return Err(WorkError::Doomed);
        }
        conn.take_effect(consumer, &event.payment).await?;
        fault::kill_point("K3");
        sleep(Duration::from_millis(fastrand::u64(self.millis..=2 * self.millis))).await;
        Ok(())
    }
}
