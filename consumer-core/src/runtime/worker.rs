//! A worker: takes up one delivery at a time and sees it through.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::{Mutex, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    consumer::Consumer,
    effects::{self, Buried},
    gate::Position,
    intake::Prepared,
    job::{Fate, Job},
    session::Slot,
    unit::{Ending, Failure, Unit, taken},
};
use crate::{
    broker::{Broker, BrokerState, Publication},
    classify::Class,
    clock,
    error::{Chain, Error, Result},
    fault,
    handler::panic_text,
    inbox::{Repeat, StoredClaim},
    message::{Aftermath, DeadLetter, Reason, Rejection},
    retry::{Step, outage_wait},
    storage::Storage,
    telemetry::Times,
};

/// One of the workers of a consumer.
pub(super) struct Worker<S: Storage, B: Broker> {
    pub(super) number: usize,
    pub(super) consumer: Arc<Consumer<S>>,
    pub(super) broker: B,
    pub(super) jobs: Arc<Mutex<mpsc::UnboundedReceiver<Job>>>,
    /// Cancelled when the grace is over.
    pub(super) abort: CancellationToken,
    pub(super) waiting: TaskTracker,
}

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Works until the reader is gone and no job is left.
    pub(super) async fn run(self) {
        let consumer = &self.consumer;
        let mut slot =
            Slot::new(consumer.storage.clone(), consumer.limits(), consumer.instruments.session_wait.clone());
        while let Some(job) = self.next_job().await {
            consumer.instruments.received();
            match consumer.gate.reaches(|p| p == Position::Open || p.gives_back()).await {
                Position::Open => self.see_through(job, &mut slot).await,
                _ => job.settle(&consumer.instruments, &Fate::requeue("handed-back", "")),
            }
        }
    }

    async fn next_job(&self) -> Option<Job> {
        self.jobs.lock().await.recv().await
    }

    async fn see_through(&self, mut job: Job, slot: &mut Slot<S>) {
        self.consumer.vitals.takes_up(self.number);
        let read = self.read(&job);
        if let Ok(prepared) = &read {
            job.name(prepared);
        }
        let span = tracing::info_span!(
            "delivery",
            consumer = self.consumer.spec.name,
            queue = self.consumer.config.queue.name,
            id = job.event.as_ref().map(|(meta, _)| tracing::field::debug(meta.event_id().to_string())),
            key = job.event.as_ref().map(|(_, claim)| tracing::field::display(claim.key)),
            attempt = job.attempt()
        );
        let decided = AssertUnwindSafe(self.decide(&mut job, read, slot)).catch_unwind();
        let fate = match decided.instrument(span.clone()).await {
            Ok(fate) => fate,
            Err(panic) => self.panicked(&mut job, slot, panic).instrument(span).await,
        };
        self.consumer.vitals.is_through(self.number);
        match fate {
            Fate::Again { after, .. } => self.take_up_later(job, after, fate),
            settled => job.settle(&self.consumer.instruments, &settled),
        }
    }

    /// Reads the message, which runs the user's `Deserialize`.
    fn read(&self, job: &Job) -> Result<Prepared, Rejection> {
        let read = catch_unwind(AssertUnwindSafe(|| Prepared::read(&self.consumer, &job.delivery)));
        read.unwrap_or_else(|_| {
            let detail = "reading it panicked; what the panic said is on the standard error, because it may repeat the data";
            Err(Rejection::new(Reason::Undecodable, detail))
        })
    }

    /// After a panic outside the handler's own code, such as in a `Drop` of what it left behind: a counted attempt.
    async fn panicked(&self, job: &mut Job, slot: &mut Slot<S>, panic: Box<dyn Any + Send>) -> Fate {
        slot.close();
        let failure = Failure::new(Class::Transient, format!("the unit panicked: {}", panic_text(&*panic)));
        drop(panic);
        match self.after(job, &failure) {
            Step::Again(after) | Step::Pause(after) => Fate::again(after, failure),
            Step::DeadLetter(reason) => self.bury(job, Rejection::new(reason, failure.error), slot).await,
        }
    }

    /// Puts the job back into the queue after a while, with the worker free for others meanwhile.
    fn take_up_later(&self, job: Job, after: Duration, fate: Fate) {
        job.count(&self.consumer.instruments, &fate);
        let gate = self.consumer.gate.clone();
        self.waiting.spawn(async move {
            tokio::select! {
                () = clock::sleep(after) => {}
                _ = gate.reaches(Position::gives_back) => {}
            }
            job.go_home();
        });
    }

    async fn decide(&self, job: &mut Job, read: Result<Prepared, Rejection>, slot: &mut Slot<S>) -> Fate {
        let mut prepared = match read {
            Ok(prepared) => prepared,
            Err(rejection) => return self.bury(job, rejection, slot).await,
        };
        loop {
            if !job.delivery.is_live() {
                return Fate::requeue(
                    "channel-gone",
                    "the channel it came from is gone; it will be delivered again",
                );
            }
            match self.unit(job, &mut prepared, slot).await {
                Ending::Done => {
                    self.consumer.committed();
                    fault::kill_point("K7");
                    return Fate::Done;
                }
                Ending::Duplicate(repeat) => return self.duplicate(repeat),
                Ending::Busy(after, why) => return job.step_back(after, why),
                Ending::Rejected(rejection) => return self.bury(job, rejection, slot).await,
                Ending::Unseen(failure) => return Fate::requeue(failure.class.as_str(), &failure.error),
                Ending::Abandoned => return Fate::requeue("stopped", "the grace of the shutdown was over"),
                Ending::Unknown(error) => {
                    self.consumer.instruments.failed("unknown-commit");
                    tracing::warn!(error, "the outcome of a commit is unknown; the claim decides");
                }
                Ending::Failed(failure) => match self.after(job, &failure) {
                    Step::Again(after) => return Fate::again(after, failure),
                    Step::Pause(wait) => {
                        if let Some(fate) = self.sit_out(wait, &failure, slot).await {
                            return fate;
                        }
                    }
                    Step::DeadLetter(reason) => {
                        return self.bury(job, Rejection::new(reason, failure.error), slot).await;
                    }
                },
            }
        }
    }

    fn duplicate(&self, repeat: Repeat) -> Fate {
        if repeat == Repeat::Unverified {
            self.consumer.instruments.unverified();
        }
        Fate::Duplicate
    }

    async fn unit(&self, job: &mut Job, prepared: &mut Prepared, slot: &mut Slot<S>) -> Ending {
        let attempt = job.attempt();
        let mut unit = Unit {
            consumer: &self.consumer,
            number: self.number,
            slot,
            abort: &self.abort,
            times: Times::default(),
        };
        if fault::is_mutant("ack-before-commit") {
            job.acknowledge_early();
        }
        let ending = unit.run(prepared, attempt).await;
        job.ran(attempt, unit.times);
        ending
    }

    fn after(&self, job: &mut Job, failure: &Failure) -> Step {
        self.consumer.instruments.failed(failure.class.as_str());
        if !failure.touched {
            return job.tally.before_the_event(failure.class, fastrand::f64());
        }
        let commits = self.consumer.commits();
        let others_pass = commits > std::mem::replace(&mut job.commits_seen, commits);
        let policy = &self.consumer.config.retry;
        job.tally.next(policy, failure.class, failure.retry_after, others_pass, fastrand::f64())
    }

    /// Waits until the database answers again; a fate instead, if the consumer is to stop meanwhile.
    async fn sit_out(&self, wait: Duration, failure: &Failure, slot: &mut Slot<S>) -> Option<Fate> {
        let Failure { class, error, .. } = failure;
        tracing::warn!(class = class.as_str(), error, wait_ms = wait.as_millis() as u64, "pausing");
        self.consumer.vitals.outage(self.number, Some(format!("{}: {error}", class.as_str())));
        let mut wait = wait;
        let mut failures = 0;
        let fate = loop {
            if !self.wait_while_open(wait).await {
                break Some(Fate::requeue(class.as_str(), error));
            }
            if self.answers(slot).await {
                break None;
            }
            failures += 1;
            wait = outage_wait(failures, fastrand::f64());
        };
        self.consumer.vitals.outage(self.number, None);
        fate
    }

    async fn answers(&self, slot: &mut Slot<S>) -> bool {
        let pinged = match slot.open().await {
            Ok(session) => self.consumer.storage.ping(session).await,
            Err(error) => Err(error),
        };
        if pinged.is_err() {
            slot.close();
        }
        pinged.is_ok()
    }

    /// Waits; `false` as soon as the consumer is to give back what it holds.
    async fn wait_while_open(&self, wait: Duration) -> bool {
        tokio::select! {
            () = clock::sleep(wait) => true,
            _ = self.consumer.gate.reaches(Position::gives_back) => false,
        }
    }

    /// Has undone what the event leaves behind, then publishes its dead letter.
    async fn bury(&self, job: &mut Job, rejection: Rejection, slot: &mut Slot<S>) -> Fate {
        let mut failures = 0;
        let fate = loop {
            let settled = match &job.event {
                Some((meta, claim)) => {
                    effects::settle(&self.consumer, slot, (meta, claim), rejection.reason).await
                }
                None => Ok(Buried::Unprocessed(Aftermath::default())),
            };
            let error = match settled {
                Ok(Buried::Unprocessed(aftermath)) => break Ok((rejection, aftermath)),
                Ok(Buried::Processed(stored)) => break Err(stored),
                Err(error) => {
                    format!("cannot settle the effects of a dead letter: {}", Chain(error.as_ref()))
                }
            };
            tracing::warn!(reason = %rejection.reason, "{error}");
            self.consumer.vitals.outage(self.number, Some(error.clone()));
            if !self.wait_while_open(outage_wait(failures, fastrand::f64())).await {
                self.consumer.vitals.outage(self.number, None);
                return Fate::requeue("effects-unsettled", &error);
            }
            failures += 1;
        };
        self.consumer.vitals.outage(self.number, None);
        match fate {
            Ok((rejection, aftermath)) => self.publish_letter(job, rejection, aftermath).await,
            Err(stored) => self.processed(job, &stored).await,
        }
    }

    /// Another delivery of the event was processed while this one failed: it is a duplicate.
    async fn processed(&self, job: &mut Job, stored: &StoredClaim) -> Fate {
        let ending = job.event.as_ref().map(|(_, claim)| taken(claim, stored));
        match ending {
            Some(Ending::Duplicate(repeat)) => self.duplicate(repeat),
            Some(Ending::Rejected(rejection)) => {
                self.publish_letter(job, rejection, Aftermath::default()).await
            }
            _ => Fate::requeue("effects-unsettled", "the event was processed meanwhile"),
        }
    }

    /// Publishes the dead letter until it is confirmed; only then may the original be acknowledged.
    async fn publish_letter(&self, job: &mut Job, rejection: Rejection, effects: Aftermath) -> Fate {
        let spec = &self.consumer.config.queue;
        let letter = DeadLetter {
            reason: rejection.reason,
            error: &rejection.detail,
            attempts: job.tally.attempts,
            consumer: self.consumer.spec.name,
            queue: &spec.name,
            effects,
        };
        let publication = Publication {
            exchange: String::new(),
            routing_key: spec.dead_letter.clone(),
            message: letter.of(&job.delivery.message),
        };
        let mut failures = 0;
        while let Err(error) = self.publish(&publication).await {
            let complaint =
                format!("cannot publish to the dead-letter queue `{}`: {}", spec.dead_letter, Chain(&error));
            tracing::warn!(reason = %rejection.reason, "{complaint}");
            self.consumer.vitals.outage(self.number, Some(complaint.clone()));
            let goes_on =
                self.wait_while_open(outage_wait(failures, fastrand::f64())).await && job.delivery.is_live();
            // What can never be published goes back until the broker itself dead-letters it, by its delivery limit.
            if !goes_on || error.is_unpublishable() {
                self.consumer.vitals.outage(self.number, None);
                return Fate::requeue("dead-letter-unconfirmed", &complaint);
            }
            failures += 1;
        }
        self.consumer.vitals.outage(self.number, None);
        fault::kill_point("K14");
        Fate::dead(rejection.reason, rejection.detail)
    }

    /// Publishes, unless the broker takes nothing right now: what it does not answer, it may still store later, and every
    /// repetition with it.
    async fn publish(&self, publication: &Publication) -> Result<()> {
        match self.broker.state() {
            BrokerState::Up => self.broker.publish(publication.clone()).await,
            BrokerState::Blocked(reason) | BrokerState::Down(reason) => Err(Error::unavailable(reason)),
        }
    }
}

impl Fate {
    fn again(after: Duration, failure: Failure) -> Self {
        Self::Again { after, cause: failure.class.as_str(), error: failure.error }
    }

    fn dead(reason: Reason, error: String) -> Self {
        Self::Dead { reason, error }
    }
}
