//! A worker: takes up what is ready, one delivery or a batch, and sees it through.

mod batch;
mod bury;
mod delay;
mod outage;
mod publishing;
mod run;
mod sort;

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::RwLock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use self::batch::BatchSize;
use super::{
    consumer::Consumer,
    gate::Position,
    intake::{Identified, Prepared},
    job::{BoxedJob, Fate, Job, Turn, UNREAD},
    lanes::{Found, Lanes},
    session::Slot,
    unit::{Ending, Failure, Unit},
};
use crate::{
    broker::Broker,
    classify::Class,
    clock,
    failure::RunnerId,
    fault,
    handler::{Meta, panic_text},
    inbox::{Claim, Repeat},
    message::Reason,
    retry::Step,
    storage::Storage,
    telemetry::Times,
};

/// What a worker has in hand.
enum Next {
    Work,
    /// One that is to be run alone.
    Suspect,
    Unsorted,
    Over,
}

/// One of the workers of a consumer.
pub(super) struct Worker<S: Storage, B: Broker> {
    pub(super) number: usize,
    pub(super) consumer: Arc<Consumer<S>>,
    pub(super) broker: B,
    pub(super) lanes: Arc<Lanes>,
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
        let mut size = BatchSize::new(consumer.spec.batch);
        let mut hand = Vec::with_capacity(size.most());
        loop {
            let suspect = match self.next(size.now(), &mut hand, &mut slot).await {
                Next::Work => false,
                Next::Suspect => true,
                Next::Unsorted => {
                    self.sort(&mut hand, &mut slot).await;
                    continue;
                }
                Next::Over => return,
            };
            consumer.instruments.received(hand.len());
            match self.opens(&mut slot).await {
                Position::Open => self.see_all_through(&mut hand, &mut size, &mut slot).await,
                _ => self.give_back(&mut hand).await,
            }
            if suspect {
                consumer.bench.through();
            }
        }
    }

    /// Takes what comes next into the hand.
    async fn next(&self, most: usize, hand: &mut Vec<BoxedJob>, slot: &mut Slot<S>) -> Next {
        let (bench, lanes) = (&self.consumer.bench, &self.lanes);
        // One at a time while nobody knows whether anything gets through.
        let most = if self.consumer.breaker.is_closed() { most } else { 1 };
        loop {
            match lanes.take(most, hand) {
                Found::Work => return Next::Work,
                Found::Unsorted => return Next::Unsorted,
                Found::Over => return Next::Over,
                Found::Nothing => slot.rest().await,
            }
            let gives_back = async { _ = self.consumer.gate.reaches(Position::gives_back).await };
            tokio::select! {
                suspect = bench.next(gives_back) => {
                    hand.push(suspect);
                    return Next::Suspect;
                }
                () = lanes.wait() => {}
            }
        }
    }

    /// Waits until deliveries may be taken up, or are to be given back.
    async fn opens(&self, slot: &mut Slot<S>) -> Position {
        let gate = &self.consumer.gate;
        if gate.position() == Position::Open {
            return Position::Open;
        }
        slot.rest().await;
        gate.reaches(|p| p == Position::Open || p.gives_back()).await
    }

    async fn give_back(&self, hand: &mut Vec<BoxedJob>) {
        for job in hand.drain(..) {
            self.settle(job, Fate::requeue("handed-back", "")).await;
        }
    }

    async fn see_all_through(&self, hand: &mut Vec<BoxedJob>, size: &mut BatchSize, slot: &mut Slot<S>) {
        if hand.len() > 1 {
            return self.see_batch_through(hand, size, slot).await;
        }
        if let Some(job) = hand.pop() {
            self.see_through(job, slot).await;
        }
    }

    async fn see_through(&self, mut job: BoxedJob, slot: &mut Slot<S>) {
        let consumer = &self.consumer;
        if job.alone_for() > consumer.config.longest_hold() {
            return self.settle(job, Fate::requeue("held-too-long", "a batch with it came to nothing")).await;
        }
        consumer.vitals.takes_up(self.number);
        let fate = self.fate(&mut job, slot).await;
        consumer.breaker.leave(self.number);
        consumer.vitals.is_through(self.number);
        self.end(job, fate).await;
    }

    /// Does with a delivery what was decided.
    async fn end(&self, mut job: BoxedJob, fate: Fate) {
        let consumer = &self.consumer;
        match fate {
            Fate::Again { after, .. } => self.take_up_later(job, after, fate),
            Fate::Suspected => {
                job.count(&consumer.instruments, &fate);
                job.leave_lane();
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
        // Whoever dies while it waits for that does not die of it.
        job.turn = Some(self.turn(job.is_suspect).await);
        let fate = match self.mark(job, slot).await {
            Some(fate) => fate,
            None => {
                let fate = self.read_and_decide(job, slot).await;
                self.clear(job, slot).await;
                fate
            }
        };
        job.turn = None;
        fate
    }

    /// Waits until a unit may be at work.
    async fn turn(&self, alone: bool) -> Turn {
        let crowd = self.crowd.clone();
        match alone {
            true => Turn { _alone: Some(crowd.write_owned().await), _among_others: None },
            false => Turn { _alone: None, _among_others: Some(crowd.read_owned().await) },
        }
    }

    async fn read_and_decide(&self, job: &mut Job, slot: &mut Slot<S>) -> Fate {
        if job.read.is_none() {
            job.was_read(Identified::read(&self.consumer, &job.delivery));
        }
        let span = tracing::info_span!(
            "delivery",
            consumer = self.consumer.spec.name,
            queue = self.consumer.config.queue.name,
            id = job.event.as_ref().map(|(meta, _)| tracing::field::debug(meta.event_id().to_string())),
            key = job.event.as_ref().map(|(_, claim)| tracing::field::display(claim.key)),
            attempt = job.attempt()
        );
        let decided = AssertUnwindSafe(self.decide(job, slot)).catch_unwind();
        match decided.instrument(span.clone()).await {
            Ok(fate) => fate,
            Err(panic) => self.panicked(job, slot, panic).instrument(span).await,
        }
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

    /// Puts the job back into its lane after a while, with the worker and the lane free for others meanwhile.
    fn take_up_later(&self, mut job: BoxedJob, after: Duration, fate: Fate) {
        job.count(&self.consumer.instruments, &fate);
        job.leave_lane();
        let gate = self.consumer.gate.clone();
        self.waiting.spawn(async move {
            tokio::select! {
                () = clock::sleep(after) => {}
                _ = gate.reaches(Position::gives_back) => {}
            }
            job.come_back();
        });
    }

    async fn decide(&self, job: &mut Job, slot: &mut Slot<S>) -> Fate {
        let (mut prepared, (meta, claim)) = match (job.read.take(), job.event.clone()) {
            (Some(Ok(prepared)), Some(event)) => (prepared, event),
            (Some(Err(rejection)), _) => return self.bury(job, rejection, None, slot).await,
            _ => return Fate::requeue("unread", UNREAD),
        };
        if let Some(repeat) = self.consumer.recent.repeat_of(&claim) {
            return self.duplicate(repeat);
        }
        if let Err(rejection) = Prepared::check_hops(&meta, self.consumer.config.max_hops) {
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
            match self.unit(job, (&meta, &claim), &mut prepared, slot).await {
                Ending::Done => {
                    self.consumer.committed(1);
                    self.consumer.recent.keep(&claim);
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

    async fn unit(
        &self,
        job: &mut Job,
        (meta, claim): (&Meta, &Claim),
        prepared: &mut Prepared,
        slot: &mut Slot<S>,
    ) -> Ending {
        let _turn = match job.turn.take() {
            Some(turn) => turn,
            None => self.turn(job.is_suspect).await,
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
        let ending = unit.run(meta.with_attempt(attempt), claim, prepared).await;
        job.ran(attempt, unit.times);
        self.consumer.storm.goes_on(matches!(ending, Ending::Duplicate(_)));
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
