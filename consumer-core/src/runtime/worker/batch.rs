//! A batch: several deliveries whose events commit together; if that fails, each goes by itself.

use super::Worker;
use crate::{
    broker::Broker,
    classify::Class,
    clock, fault,
    runtime::{
        batch::{BatchEnding, BatchUnit, Member, Members, Part, repeated},
        intake::{Identified, Prepared},
        job::{BoxedJob, Fate, Job},
        session::Slot,
        unit::{Ending, Failure, Told, Unit, taken},
    },
    storage::Storage,
    telemetry::Times,
};

/// How many events a worker takes up together: fewer after a batch that came to nothing, and again more, one by one.
pub(super) struct BatchSize {
    most: usize,
    now: usize,
}

impl BatchSize {
    pub(super) fn new(most: u16) -> Self {
        let most = usize::from(most).max(1);
        Self { most, now: most }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    fn succeeded(&mut self) {
        self.now = (self.now + 1).min(self.most);
    }

    fn failed(&mut self) {
        self.now = (self.now / 2).max(1);
    }
}

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Sees all deliveries in hand through.
    pub(super) async fn see_batch_through(
        &self,
        hand: &mut Vec<BoxedJob>,
        size: &mut BatchSize,
        slot: &mut Slot<S>,
    ) {
        let consumer = &self.consumer;
        consumer.vitals.takes_up(self.number);
        if let Some(jobs) = self.let_through(hand, slot).await {
            let members = self.read_all(jobs);
            self.process(members, size, slot).await;
        }
        consumer.breaker.leave(self.number);
        consumer.vitals.is_through(self.number);
    }

    /// Waits until the batch may begin; `None` if it may not.
    async fn let_through(&self, hand: &mut Vec<BoxedJob>, slot: &mut Slot<S>) -> Option<Vec<BoxedJob>> {
        let mut jobs = std::mem::replace(hand, Vec::with_capacity(hand.capacity()));
        let mut refused = self.pass(slot).await;
        for _ in &jobs {
            if refused.is_none() {
                refused = self.wait_for_its_place().await;
            }
        }
        if let Some(Fate::Requeue { cause, error }) = refused {
            for job in jobs {
                self.settle(job, Fate::requeue(cause, &error)).await;
            }
            return None;
        }
        // The circuit is on trial: one message goes through, the others wait for it.
        if !self.consumer.breaker.is_closed() {
            let others = jobs.split_off(1);
            self.part(others);
        }
        for gone in jobs.extract_if(.., |job| !job.delivery.is_live()) {
            let why = "the channel it came from is gone; it will be delivered again";
            gone.settle(&self.consumer.instruments, &Fate::requeue("channel-gone", why));
        }
        Some(jobs)
    }

    /// Reads what is not read yet; what cannot be processed with others goes by itself.
    fn read_all(&self, jobs: Vec<BoxedJob>) -> Vec<Member> {
        let (mut members, mut alone) = (Vec::with_capacity(jobs.len()), Vec::new());
        let most_hops = self.consumer.config.max_hops;
        for mut job in jobs {
            if job.read.is_none() {
                job.was_read(Identified::read(&self.consumer, &job.delivery));
            }
            match &job.event {
                Some((meta, claim))
                    if matches!(job.read, Some(Ok(_))) && Prepared::check_hops(meta, most_hops).is_ok() =>
                {
                    members.push(Member { claim: claim.by_another_unit(), job });
                }
                _ => alone.push(job),
            }
        }
        self.part(alone);
        members
    }

    async fn process(&self, members: Vec<Member>, size: &mut BatchSize, slot: &mut Slot<S>) {
        let members = self.without_recent(members).await;
        if members.is_empty() {
            return;
        }
        let Members { mut first, mut repeats } = Members::of(members);
        let span = tracing::info_span!(
            "batch",
            consumer = self.consumer.spec.name,
            queue = self.consumer.config.queue.name,
            events = first.len()
        );
        let begun = clock::now();
        let (ending, times) = {
            // A unit that may kill the process runs when no other one does.
            let _among_others = self.crowd.read().await;
            let mut unit =
                BatchUnit { consumer: &self.consumer, slot, abort: &self.abort, times: Times::default() };
            let ending = tracing::Instrument::instrument(unit.run(&mut first), span).await;
            (ending, unit.times)
        };
        self.consumer.instruments.batch(first.len(), matches!(ending, BatchEnding::Done(_)));
        self.consumer.breaker.ended(self.number, self.batch_sign(&ending, begun.elapsed()));
        for member in first.iter_mut().chain(repeats.iter_mut().map(|(_, member)| member)) {
            member.job.ran(1, times);
        }
        match ending {
            BatchEnding::Done(parts) => {
                size.succeeded();
                self.settle_all(first, repeats, &parts, slot).await;
            }
            BatchEnding::Undone(failure) => {
                size.failed();
                self.note_undone(&failure, first.len());
                self.each_alone(first, repeats);
            }
            BatchEnding::Unknown(error) => {
                size.failed();
                self.consumer.instruments.failed("unknown-commit");
                tracing::warn!(error, "the outcome of the commit of a batch is unknown; the claims decide");
                self.each_alone(first, repeats);
            }
            BatchEnding::InDoubt(failure, told) => {
                size.failed();
                self.note_undone(&failure, first.len());
                self.look_for_each(first, &failure, told, slot).await;
                self.each_alone(Vec::new(), repeats);
            }
            BatchEnding::Abandoned => {
                for member in first.into_iter().chain(repeats.into_iter().map(|(_, member)| member)) {
                    let fate = Fate::requeue("stopped", "the grace of the shutdown was over");
                    self.settle(member.job, fate).await;
                }
            }
        }
    }

    /// Without those that are known to be duplicates.
    async fn without_recent(&self, members: Vec<Member>) -> Vec<Member> {
        if self.consumer.recent.is_off() {
            return members;
        }
        let mut unknown = Vec::with_capacity(members.len());
        for member in members {
            match self.consumer.recent.repeat_of(&member.claim) {
                Some(repeat) => self.settle(member.job, self.duplicate(repeat)).await,
                None => unknown.push(member),
            }
        }
        unknown
    }

    fn note_undone(&self, failure: &Failure, events: usize) {
        self.consumer.instruments.failed(failure.class.as_str());
        tracing::debug!(
            consumer = self.consumer.spec.name,
            class = failure.class.as_str(),
            error = failure.error,
            events,
            "a batch came to nothing; its events go one by one"
        );
    }

    /// Settles a batch that was committed.
    async fn settle_all(
        &self,
        first: Vec<Member>,
        repeats: Vec<(usize, Member)>,
        parts: &[Part],
        slot: &mut Slot<S>,
    ) {
        let done = parts.iter().filter(|part| matches!(part, Part::Done)).count();
        self.consumer.committed(done as u64);
        fault::kill_point("K7");
        let mut alone = Vec::new();
        for (place, member) in repeats {
            let ending = repeated(&parts[place], &first[place].claim, &member.claim);
            match ending {
                Some(ending) => self.end_taken(member, ending, slot).await,
                None => alone.push(member),
            }
        }
        let mut all_done = Vec::with_capacity(done);
        for (nth, (member, part)) in first.into_iter().zip(parts).enumerate() {
            if nth == 1 {
                fault::kill_point("B2");
            }
            match part {
                Part::Done => {
                    self.consumer.recent.keep(&member.claim);
                    // Whatever the first is, it is settled before the others, which a kill point shows.
                    match nth {
                        0 => self.settle(member.job, Fate::Done).await,
                        _ => all_done.push(member.job),
                    }
                }
                Part::Taken(stored) => {
                    let ending = taken(&member.claim, stored);
                    self.end_taken(member, ending, slot).await;
                }
                Part::Undecided => alone.push(member),
            }
        }
        Job::settle_done(all_done, &self.lanes, &self.consumer.instruments);
        self.each_alone(alone, Vec::new());
    }

    /// Settles a delivery whose event was processed before.
    async fn end_taken(&self, mut member: Member, ending: Ending, slot: &mut Slot<S>) {
        let fate = match ending {
            Ending::Duplicate(repeat) => self.duplicate(repeat),
            Ending::Rejected(rejection) => self.bury(&mut member.job, rejection, None, slot).await,
            _ => return self.each_alone(vec![member], Vec::new()),
        };
        self.settle(member.job, fate).await;
    }

    /// Looks what remains of each event of a transaction that somebody else has ended.
    async fn look_for_each(&self, members: Vec<Member>, failure: &Failure, told: Told, slot: &mut Slot<S>) {
        let mut alone = Vec::new();
        for mut member in members {
            let mut unit = Unit {
                consumer: &self.consumer,
                number: self.number,
                slot: &mut *slot,
                abort: &self.abort,
                times: Times::default(),
            };
            let fate = match unit.ended(failure.clone(), &member.claim, told).await {
                Ending::Rejected(rejection) => self.bury(&mut member.job, rejection, None, slot).await,
                Ending::Duplicate(repeat) => self.duplicate(repeat),
                Ending::Unseen(failure) => Fate::requeue(failure.class.as_str(), &failure.error),
                _ => {
                    alone.push(member);
                    continue;
                }
            };
            self.settle(member.job, fate).await;
        }
        self.each_alone(alone, Vec::new());
    }

    fn each_alone(&self, first: Vec<Member>, repeats: Vec<(usize, Member)>) {
        let members = first.into_iter().chain(repeats.into_iter().map(|(_, member)| member));
        self.part(members.map(|member| member.job).collect());
    }

    /// Has deliveries processed one by one.
    fn part(&self, mut jobs: Vec<BoxedJob>) {
        if jobs.is_empty() {
            return;
        }
        for job in &mut jobs {
            job.count(&self.consumer.instruments, &Fate::Parted);
            job.part();
        }
        self.lanes.put_back(jobs);
    }

    /// What the end of a batch says about the infrastructure; what its events are to blame for, they show one by one.
    fn batch_sign(&self, ending: &BatchEnding, took: std::time::Duration) -> crate::circuit::Sign {
        match ending {
            BatchEnding::Done(_) => self.sign(&Ending::Done, took),
            BatchEnding::Unknown(error) => self.sign(&Ending::Unknown(error.clone()), took),
            BatchEnding::Undone(failure) | BatchEnding::InDoubt(failure, _)
                if failure.class != Class::Conflict =>
            {
                self.sign(&Ending::Failed(failure.clone()), took)
            }
            _ => crate::circuit::Sign::Nothing,
        }
    }
}
