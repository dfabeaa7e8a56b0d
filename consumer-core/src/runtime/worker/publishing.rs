//! Publishing a copy of a delivery, without which it must not be acknowledged.

use super::Worker;
use crate::{
    broker::{Broker, BrokerState, Publication, QueueKind, Topology},
    error::{Chain, Error, Result},
    message::Message,
    runtime::{
        gate::Position,
        job::{BoxedJob, Fate, Job},
    },
    storage::Storage,
};

/// In which header a quorum queue says how often a message came back.
const DELIVERY_COUNT: &str = "x-delivery-count";

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Publishes a copy straight to a queue until it is confirmed; a fate instead, if the delivery has to go back.
    pub(super) async fn publish_copy(&self, job: &Job, queue: &str, copy: Message) -> Result<(), Fate> {
        let publication =
            Publication { exchange: String::new(), routing_key: queue.to_owned(), message: copy };
        let mut failures = 0;
        loop {
            let Err(error) = self.publish(&publication).await else { return Ok(()) };
            let complaint = format!("cannot publish to queue `{queue}`: {}", Chain(&error));
            let goes_on = self.patience(&complaint, &mut failures).await && job.delivery.is_live();
            // What can never be published goes back until the broker itself dead-letters it, by its delivery limit.
            if !goes_on || error.is_unpublishable() {
                return Err(Fate::requeue("copy-unconfirmed", &complaint));
            }
            if error.is_unroutable() {
                self.declare_again().await;
            }
        }
    }

    /// Publishes, unless the broker takes nothing right now: what it does not answer, it may still store later, and every
    /// repetition with it.
    async fn publish(&self, publication: &Publication) -> Result<()> {
        match self.broker.state() {
            BrokerState::Up => self.broker.publish(publication.clone()).await,
            BrokerState::Blocked(reason) | BrokerState::Down(reason) => Err(Error::unavailable(reason)),
        }
    }

    /// Somebody has deleted a queue of this consumer's.
    async fn declare_again(&self) {
        let spec = &self.consumer.config.queue;
        if spec.topology != Topology::Declare {
            return;
        }
        tokio::select! {
            prepared = self.broker.prepare(std::slice::from_ref(spec)) => {
                if let Err(error) = prepared {
                    tracing::warn!(queue = spec.name, error = %Chain(&error), "cannot declare the queue again");
                }
            }
            _ = self.consumer.gate.reaches(Position::gives_back) => {}
        }
    }

    /// Settles a delivery. One that goes back, and has come back so often that the broker may soon give up on it by the queue's
    /// delivery limit, goes to the end of its queue as a copy instead: no pause of ours may dead-letter it.
    pub(super) async fn settle(&self, job: BoxedJob, fate: Fate) {
        let fate = match fate {
            Fate::Requeue { cause, error } if self.is_worn(&job) => self.move_back(&job, cause, error).await,
            fate => fate,
        };
        job.settle(&self.consumer.instruments, &fate);
    }

    async fn move_back(&self, job: &Job, cause: &'static str, error: String) -> Fate {
        let queue = &self.consumer.config.queue.name;
        let copy = job.delivery.message.copy_from(queue);
        let publication = Publication { exchange: String::new(), routing_key: queue.clone(), message: copy };
        match self.publish(&publication).await {
            Ok(()) => Fate::Moved { cause, error },
            Err(_) => Fate::Requeue { cause, error },
        }
    }

    fn is_worn(&self, job: &Job) -> bool {
        let spec = &self.consumer.config.queue;
        let count = job.delivery.message.headers.get(DELIVERY_COUNT).and_then(|count| count.as_i64());
        spec.kind == QueueKind::Quorum
            && self.consumer.gate.position() == Position::HandedBack
            && count.is_some_and(|count| count.saturating_mul(2) >= i64::from(spec.delivery_limit))
    }
}
