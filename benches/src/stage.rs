//! What a contestant is given, and what it has to tell.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::{broker::QueueKind, meter::Meter};

/// The servers of one run, and the queue to empty.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The broker's address.
    pub amqp: String,
    /// The database's address. Its tables are there; those of `consumer` are not.
    pub database: String,
    /// The queue, which is full or being filled.
    pub queue: String,
    /// How the queue is stored.
    pub queue_kind: QueueKind,
    /// Who counts.
    pub meter: Arc<Meter>,
}

impl Stage {
    /// A message is through: its transaction has committed, or it was found to be a duplicate. Said right after that, and
    /// before the acknowledgement.
    pub fn through(&self, message: Uuid) {
        self.meter.through(message);
    }

    /// Resolves when all messages are through; what is on its way is then to be finished.
    pub fn over(&self) -> BoxFuture<'static, ()> {
        let meter = Arc::clone(&self.meter);
        Box::pin(async move {
            meter.over().await;
        })
    }
}
