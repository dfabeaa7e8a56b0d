//! Sorting: a delivery that was delivered before is marked and read, and with it what arrived after it finds its lane.

use super::Worker;
use crate::{
    broker::Broker,
    failure::RunnerId,
    runtime::{
        gate::Position,
        intake::Identified,
        job::{BoxedJob, Fate, Job},
        session::Slot,
    },
    storage::Storage,
};

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Sorts what waits for its lane, beginning with the one in hand.
    pub(super) async fn sort(&self, hand: &mut Vec<BoxedJob>, slot: &mut Slot<S>) {
        let mut next = hand.pop();
        while let Some(mut job) = next {
            match self.vet(&mut job, slot).await {
                None => self.lanes.push(job),
                Some(fate) => {
                    self.consumer.instruments.received(1);
                    self.end(job, fate).await;
                }
            }
            next = self.lanes.next_unsorted();
        }
    }

    /// Reads a delivery, under a mark where it was delivered before. A fate instead, if it is not to be processed as others are.
    async fn vet(&self, job: &mut Job, slot: &mut Slot<S>) -> Option<Fate> {
        if self.opens(slot).await != Position::Open {
            return Some(Fate::requeue("handed-back", ""));
        }
        if !job.delivery.redelivered {
            job.was_read(Identified::read(&self.consumer, &job.delivery));
            return None;
        }
        if let Some(fate) = self.pass(slot).await {
            return Some(fate);
        }
        if let Some(fate) = self.mark(job, slot).await {
            return Some(fate);
        }
        job.was_read(Identified::read(&self.consumer, &job.delivery));
        // It was no death of this one, if another one kills the process while it waits.
        self.mark_as(job, RunnerId::NOBODY, slot).await.err()
    }
}
