//! The ladder: a failed event leaves its delivery, and a copy of it comes back later.

use std::time::Duration;

use super::Worker;
use crate::{
    broker::Broker,
    error::Chain,
    failure::{FailureRecord, News, Wanted, message_key},
    fault,
    inbox::ConsumerId,
    message::{ClaimKey, Delayed, Reason, Rejection},
    runtime::{
        job::{Fate, Job},
        session::Slot,
        unit::Failure,
    },
    storage::{Storage, StorageError},
};

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Counts the failure, and has a copy wait on the next rung; after the last one the event is dead.
    pub(super) async fn delay(
        &self,
        job: &mut Job,
        failure: Failure,
        asked: Option<Duration>,
        slot: &mut Slot<S>,
    ) -> Fate {
        let mut wanted = Wanted::Rung { rungs: self.consumer.config.retry.rungs(), not_before: asked };
        if fault::is_mutant("attempts-from-headers")
            && Delayed::read(&job.delivery.message) >= Some(self.consumer.config.retry.rungs())
        {
            wanted = Wanted::Dead(Reason::AttemptsExhausted);
        }
        let record = match self.record(job, &failure, wanted, slot).await {
            Ok(record) => record,
            Err(fate) => return fate,
        };
        match record.reason {
            Some(reason) => {
                self.bury(job, Rejection::new(reason, failure.error), Some(failure.class), slot).await
            }
            None => self.put_off(job, record.delays, asked, failure.class.as_str(), failure.error).await,
        }
    }

    /// What the failure record knows of a copy that has come back. A fate instead, if its time has not come.
    pub(super) async fn recall(&self, job: &mut Job, slot: &mut Slot<S>) -> Option<Fate> {
        // Whatever a publisher writes there, it costs a look and nothing else.
        Delayed::read(&job.delivery.message)?;
        let record = match self.look_up(job, slot).await {
            Ok(record) => record?,
            Err(fate) => return Some(fate),
        };
        job.counted = record.attempts;
        let left = record.not_before?;
        self.consumer.config.retry.delay(record.delays, Some(left))?;
        Some(self.put_off(job, record.delays, Some(left), "not-before", record.error).await)
    }

    async fn put_off(
        &self,
        job: &mut Job,
        rung: u32,
        asked: Option<Duration>,
        cause: &'static str,
        error: String,
    ) -> Fate {
        job.turn = None;
        let spec = &self.consumer.config.queue;
        let Some(delay) = self.consumer.config.retry.delay(rung, asked) else {
            return Fate::requeue(cause, &error);
        };
        if fault::is_mutant("requeue-as-retry") {
            return Fate::requeue(cause, &error);
        }
        let wait = self.consumer.spread(delay);
        let copy = Delayed { rung, wait }.copy_of(&job.delivery.message, &spec.name);
        if fault::is_mutant("copy-acked-before-confirm") {
            job.acknowledge_early();
        }
        match self.publish_copy(job, &spec.wait_queue(delay), copy).await {
            Ok(()) => {
                fault::kill_point("K13");
                Fate::Delayed { cause, error }
            }
            Err(fate) => fate,
        }
    }

    /// Counts a failure in the database, however long that takes.
    pub(super) async fn record(
        &self,
        job: &mut Job,
        failure: &Failure,
        wanted: Wanted,
        slot: &mut Slot<S>,
    ) -> Result<FailureRecord, Fate> {
        let (consumer, key) = self.key(job);
        let id = job.event.as_ref().map(|(meta, _)| meta.event_id().to_string()).unwrap_or_default();
        let event_type = job.event.as_ref().map(|(meta, _)| meta.event_type().to_owned()).unwrap_or_default();
        let news = News {
            attempts: job.tally.attempts,
            class: failure.class,
            error: &failure.error,
            wanted,
            event_id: &id,
            event_type: &event_type,
        };
        let mut failures = 0;
        let record = loop {
            let written = match slot.open().await {
                Ok(session) => self.consumer.storage.record_failure(session, consumer, key, &news).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(record) => break record,
                Err(error) => self.unrecorded(&error, slot, &mut failures).await?,
            }
        };
        job.recorded(record.attempts);
        job.is_recorded = true;
        Ok(record)
    }

    async fn look_up(&self, job: &Job, slot: &mut Slot<S>) -> Result<Option<FailureRecord>, Fate> {
        let (consumer, key) = self.key(job);
        let mut failures = 0;
        loop {
            let found = match slot.open().await {
                Ok(session) => self.consumer.storage.find_failure(session, consumer, key).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(record) => return Ok(record),
                Err(error) => self.unrecorded(&error, slot, &mut failures).await?,
            }
        }
    }

    async fn unrecorded(
        &self,
        error: &StorageError,
        slot: &mut Slot<S>,
        failures: &mut u32,
    ) -> Result<(), Fate> {
        slot.close();
        let complaint = format!("the failures of an event cannot be looked after: {}", Chain(error.as_ref()));
        match self.patience(&complaint, failures).await {
            true => Ok(()),
            false => Err(Fate::requeue("unrecorded", &complaint)),
        }
    }

    /// Under which key the failures of a delivery are recorded: that of its event, or of the message where nobody can read it.
    pub(super) fn key(&self, job: &Job) -> (ConsumerId, ClaimKey) {
        let key = match &job.event {
            Some((_, claim)) => claim.key,
            None => message_key(&job.delivery.message),
        };
        (self.consumer.id, key)
    }
}
