//! The survey: how many events have failed and are where, for figures and for handles.

use std::{sync::Arc, time::Duration};

use super::{consumer::Consumer, session::Slot};
use crate::{broker::Broker, clock, error::Chain, storage::Storage};

/// How often it is made: seldom enough to cost nothing, often enough to alert on.
const INTERVAL: Duration = Duration::from_secs(15);

/// The events of a consumer that have failed, as they were a few seconds ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedEvents {
    /// Those of which a copy waits on the ladder.
    pub delayed: u64,
    /// Messages in the dead-letter queue.
    pub dead_letters: u64,
    /// How long ago the oldest of them was given up; zero where there is none.
    pub oldest: Duration,
}

/// Surveys every consumer until it is dropped.
pub(super) async fn run<S: Storage, B: Broker>(broker: B, consumers: Vec<Arc<Consumer<S>>>) {
    loop {
        for consumer in &consumers {
            survey(&broker, consumer).await;
        }
        clock::sleep(INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
    }
}

async fn survey<S: Storage, B: Broker>(broker: &B, consumer: &Consumer<S>) {
    // Not the wait of a worker, so not in its histogram; and not kept, because the pool counts workers.
    let mut slot = Slot::new(consumer.storage.clone(), consumer.limits(), metrics::Histogram::noop());
    let records = match slot.open().await {
        Ok(session) => consumer.storage.survey_failures(session, consumer.id).await,
        Err(error) => Err(error),
    };
    let letters = broker.depth(&consumer.config.queue.dead_letter).await;
    let (records, letters) = match (records, letters) {
        (Ok(records), Ok(letters)) => (records, letters.unwrap_or(0)),
        (Err(error), _) => return tracing::debug!(error = %Chain(error.as_ref()), "no survey of failures"),
        (_, Err(error)) => return tracing::debug!(error = %Chain(&error), "no survey of dead letters"),
    };
    consumer.instruments.surveyed(letters, &records);
    let oldest = if letters == 0 { Duration::ZERO } else { records.oldest_dead };
    consumer.vitals.failed(FailedEvents { delayed: records.delayed, dead_letters: letters, oldest });
}
