//! A worker: takes up one delivery at a time and sees it through.

mod bury;
mod delay;
mod outage;
mod publishing;
mod run;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::{Mutex, RwLock, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    consumer::Consumer,
    gate::Position,
    intake::Prepared,
    job::{Fate, Job},
    session::Slot,
    unit::{Ending, Failure, Unit},
};
use crate::{
    broker::Broker,
    classify::Class,
    clock,
    failure::RunnerId,
    fault,
    handler::panic_text,
    inbox::Repeat,
    message::{Reason, Rejection},
    retry::Step,
    storage::Storage,
    telemetry::Times,
};

/// One of the workers of a consumer.
pub(super) struct Worker<S: Storage, B: Broker> {
    pub(super) number: usize,
    pub(super) consumer: Arc<Consumer<S>>,
    pub(super) broker: B,
    pub(super) jobs: Arc<Mutex<mpsc::UnboundedReceiver<Job>>>,
    /// Which runtime this is, in the marks of messages that are run.
    pub(super) runner: RunnerId,
    /// Read by every unit of the process, written by one that may kill it.
    pub(super) crowd: Arc<RwLock<()>>,
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
        while let Some((job, benched)) = self.next_job().await {
            consumer.instruments.received();
            match consumer.gate.reaches(|p| p == Position::Open || p.gives_back()).await {
                Position::Open => self.see_through(job, &mut slot).await,
                _ => self.settle(job, Fate::requeue("handed-back", "")).await,
            }
            if benched {
                consumer.bench.through();
            }
        }
    }

    /// The next job, and whether it comes from the bench.
    async fn next_job(&self) -> Option<(Job, bool)> {
        let bench = &self.consumer.bench;
        let gives_back = async { _ = self.consumer.gate.reaches(Position::gives_back).await };
        tokio::select! {
            suspect = bench.next(gives_back) => Some((suspect, true)),
            job = async { self.jobs.lock().await.recv().await } => job.map(|job| (job, false)),
        }
    }

    async fn see_through(&self, mut job: Job, slot: &mut Slot<S>) {
        let consumer = &self.consumer;
        consumer.vitals.takes_up(self.number);
        let fate = self.fate(&mut job, slot).await;
        consumer.breaker.leave(self.number);
        consumer.vitals.is_through(self.number);
        match fate {
            Fate::Again { after, .. } => self.take_up_later(job, after, fate),
            Fate::Suspected => {
                job.count(&consumer.instruments, &fate);
                consumer.bench.sit(job);
            }
            settled => self.settle(job, settled).await,
        }
    }

    async fn fate(&self, job: &mut Job, slot: &mut Slot<S>) -> Fate {
        if let Some(fate) = self.pass(slot).await {
            return fate;
        }
        if let Some(fate) = self.wait_for_its_place().await {
            return fate;
        }
        if !job.delivery.redelivered {
            return self.read_and_decide(job, slot).await;
        }
        match self.mark(job, slot).await {
            Some(fate) => fate,
            None => {
                let fate = self.read_and_decide(job, slot).await;
                self.clear(job, slot).await;
                fate
            }
        }
    }

    async fn read_and_decide(&self, job: &mut Job, slot: &mut Slot<S>) -> Fate {
        let read = self.read(job);
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
        let decided = AssertUnwindSafe(self.decide(job, read, slot)).catch_unwind();
        match decided.instrument(span.clone()).await {
            Ok(fate) => fate,
            Err(panic) => self.panicked(job, slot, panic).instrument(span).await,
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
            Step::Ladder(asked) => self.delay(job, failure, asked, slot).await,
            Step::DeadLetter(reason) => self.fail(job, reason, failure, slot).await,
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
            Err(rejection) => return self.bury(job, rejection, None, slot).await,
        };
        if let Err(rejection) = prepared.check_hops(self.consumer.config.max_hops) {
            return self.bury(job, rejection, None, slot).await;
        }
        if let Some(fate) = self.recall(job, slot).await {
            return fate;
        }
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
                Ending::Rejected(rejection) => return self.bury(job, rejection, None, slot).await,
                Ending::Unseen(failure) => return Fate::requeue(failure.class.as_str(), &failure.error),
                Ending::Abandoned => return Fate::requeue("stopped", "the grace of the shutdown was over"),
                Ending::Unknown(error) => {
                    self.consumer.instruments.failed("unknown-commit");
                    tracing::warn!(error, "the outcome of a commit is unknown; the claim decides");
                    if let Some(fate) = self.pass(slot).await {
                        return fate;
                    }
                }
                Ending::Failed(failure) => match self.after(job, &failure) {
                    Step::Again(after) => return Fate::again(after, failure),
                    Step::Pause(wait) => {
                        if let Some(fate) = self.sit_out(wait, &failure, slot).await {
                            return fate;
                        }
                    }
                    Step::Ladder(asked) => return self.delay(job, failure, asked, slot).await,
                    Step::DeadLetter(reason) => return self.fail(job, reason, failure, slot).await,
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
        // A unit that may kill the process runs when no other one does.
        let (_alone, _among_others) = match job.is_suspect {
            true => (Some(self.crowd.write().await), None),
            false => (None, Some(self.crowd.read().await)),
        };
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
        let begun = clock::now();
        let ending = unit.run(prepared, attempt).await;
        job.ran(attempt, unit.times);
        self.consumer.breaker.ended(self.number, self.sign(&ending, begun.elapsed()));
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
}

impl Fate {
    fn again(after: Duration, failure: Failure) -> Self {
        Self::Again { after, cause: failure.class.as_str(), error: failure.error }
    }

    fn dead(reason: Reason, error: String) -> Self {
        Self::Dead { reason, error }
    }
}
