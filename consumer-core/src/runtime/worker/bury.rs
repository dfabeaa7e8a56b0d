//! Burying: an event that nobody processes goes to the dead-letter queue, and leaves nothing else behind.

use super::Worker;
use crate::{
    broker::Broker,
    classify::Class,
    clock,
    error::Chain,
    failure::Wanted,
    fault,
    inbox::StoredClaim,
    message::{Aftermath, DeadLetter, Reason, Rejection},
    runtime::{
        effects::{self, Buried},
        job::{Fate, Job},
        session::Slot,
        unit::{Ending, Failure, taken},
    },
    storage::Storage,
};

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Buries an event whose handler has failed for good.
    pub(super) async fn fail(
        &self,
        job: &mut Job,
        reason: Reason,
        failure: Failure,
        slot: &mut Slot<S>,
    ) -> Fate {
        self.bury(job, Rejection::new(reason, failure.error), Some(failure.class), slot).await
    }

    /// Records that it is dead, has undone what the event leaves behind, then publishes its dead letter.
    pub(super) async fn bury(
        &self,
        job: &mut Job,
        rejection: Rejection,
        class: Option<Class>,
        slot: &mut Slot<S>,
    ) -> Fate {
        job.turn = None;
        if !std::mem::take(&mut job.is_recorded) {
            let failure = Failure::new(class.unwrap_or(Class::Permanent), rejection.detail.as_str());
            if let Err(fate) = self.record(job, &failure, Wanted::Dead(rejection.reason), slot).await {
                return fate;
            }
        }
        let mut failures = 0;
        loop {
            let settled = match &job.event {
                Some((meta, claim)) => {
                    effects::settle(&self.consumer, slot, (meta, claim), rejection.reason).await
                }
                None => Ok(Buried::Unprocessed(Aftermath::default())),
            };
            let complaint = match settled {
                Ok(Buried::Unprocessed(aftermath)) => {
                    return self.publish_letter(job, rejection, class, aftermath).await;
                }
                Ok(Buried::Processed(stored)) => return self.processed(job, &stored).await,
                Err(error) => {
                    format!("cannot settle the effects of a dead letter: {}", Chain(error.as_ref()))
                }
            };
            if !self.patience(&complaint, &mut failures).await {
                return Fate::requeue("effects-unsettled", &complaint);
            }
        }
    }

    /// Another delivery of the event was processed while this one failed: it is a duplicate.
    async fn processed(&self, job: &mut Job, stored: &StoredClaim) -> Fate {
        let ending = job.event.as_ref().map(|(_, claim)| taken(claim, stored));
        match ending {
            Some(Ending::Duplicate(repeat)) => self.duplicate(repeat),
            Some(Ending::Rejected(rejection)) => {
                self.publish_letter(job, rejection, None, Aftermath::default()).await
            }
            _ => Fate::requeue("effects-unsettled", "the event was processed meanwhile"),
        }
    }

    /// Publishes the dead letter until it is confirmed; only then may the original be acknowledged.
    async fn publish_letter(
        &self,
        job: &mut Job,
        rejection: Rejection,
        class: Option<Class>,
        effects: Aftermath,
    ) -> Fate {
        let spec = &self.consumer.config.queue;
        let id = job.event.as_ref().map(|(meta, _)| meta.event_id().to_string());
        let letter = DeadLetter {
            reason: rejection.reason,
            error: &rejection.detail,
            class,
            key: self.key(job).1,
            id: id.as_deref(),
            dead_at: clock::wall(),
            attempts: job.attempts(),
            consumer: self.consumer.spec.name,
            queue: &spec.name,
            effects,
        };
        let letter = letter.of(&job.delivery.message);
        match self.publish_copy(job, &spec.dead_letter, letter).await {
            Ok(()) => {
                fault::kill_point("K14");
                Fate::dead(rejection.reason, rejection.detail)
            }
            Err(fate) => fate,
        }
    }
}
