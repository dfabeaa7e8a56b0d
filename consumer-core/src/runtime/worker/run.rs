//! Marks around the run of a message that was delivered before: whoever dies with it leaves one behind.

use super::Worker;
use crate::{
    broker::Broker,
    error::Chain,
    failure::{RunnerId, message_key},
    message::{Reason, Rejection},
    runtime::{
        job::{Fate, Job},
        session::Slot,
    },
    storage::{Storage, StorageError},
};

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Marks the message as run by this process. A fate instead, where its runners have died: first it waits to be run alone,
    /// then it is dead.
    pub(super) async fn mark(&self, job: &mut Job, slot: &mut Slot<S>) -> Option<Fate> {
        let deaths = match self.mark_as(job, self.runner, slot).await {
            Ok(deaths) => deaths,
            Err(fate) => return Some(fate),
        };
        let is_news = deaths > 0 && !job.is_suspect;
        match deaths {
            0 => {
                job.is_suspect = false;
                None
            }
            deaths if deaths >= self.consumer.config.retry.most_deaths() => {
                let fate = self.bury_unread(job, deaths, slot).await;
                self.clear(job, slot).await;
                Some(fate)
            }
            _ if is_news => Some(self.suspect(job, deaths)),
            _ => None,
        }
    }

    /// The mark is nobody's until it is run: whoever dies while it waits does not die of it.
    fn suspect(&self, job: &mut Job, deaths: u32) -> Fate {
        tracing::warn!(
            consumer = self.consumer.spec.name,
            message_id = job.delivery.message.properties.message_id,
            deaths,
            "a process died while it ran this message: it is run again, alone"
        );
        self.consumer.instruments.death();
        job.is_suspect = true;
        Fate::Suspected
    }

    async fn bury_unread(&self, job: &mut Job, deaths: u32, slot: &mut Slot<S>) -> Fate {
        self.consumer.instruments.death();
        let detail = format!(
            "{deaths} deaths in a row were counted of processes that ran this message, the last ones with no other unit at work"
        );
        self.bury(job, Rejection::new(Reason::KilledProcess, detail), None, slot).await
    }

    pub(super) async fn mark_as(&self, job: &Job, runner: RunnerId, slot: &mut Slot<S>) -> Result<u32, Fate> {
        let (consumer, message) = (self.consumer.id, message_key(&job.delivery.message));
        let mut failures = 0;
        loop {
            let marked = match slot.open().await {
                Ok(session) => {
                    self.consumer.storage.mark_run(session, consumer, message, runner, job.is_suspect).await
                }
                Err(error) => Err(error),
            };
            match marked {
                Ok(deaths) => return Ok(deaths),
                Err(error) => self.cannot_mark(&error, slot, &mut failures).await?,
            }
        }
    }

    async fn cannot_mark(
        &self,
        error: &StorageError,
        slot: &mut Slot<S>,
        failures: &mut u32,
    ) -> Result<(), Fate> {
        slot.close();
        let complaint = format!("cannot mark a message that was delivered before: {}", Chain(error.as_ref()));
        match self.patience(&complaint, failures).await {
            true => Ok(()),
            false => Err(Fate::requeue("unmarked", &complaint)),
        }
    }

    /// Takes the mark away: this process lives. Where that fails, a mark stays that the next run takes away.
    pub(super) async fn clear(&self, job: &Job, slot: &mut Slot<S>) {
        let (consumer, message) = (self.consumer.id, message_key(&job.delivery.message));
        let cleared = match slot.open().await {
            Ok(session) => self.consumer.storage.clear_run(session, consumer, message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            slot.close();
            tracing::debug!(error = %Chain(error.as_ref()), "the mark of a run stays");
        }
    }
}
