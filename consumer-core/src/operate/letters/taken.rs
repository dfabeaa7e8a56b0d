//! A letter in hand: taken from its queue, and given back unless it is settled.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    broker::{Delivery, Settle, Settlement},
    message::{Letter, Message},
};

/// A delivery of a dead-letter queue. Dropped, it goes back.
pub(super) struct Taken {
    pub(super) message: Message,
    pub(super) letter: Letter,
    /// What of the message was lost on its way here.
    pub(super) damage: Option<String>,
    owed: Owed,
}

/// What a channel is owed.
pub(super) struct Owed(Option<(Arc<dyn Settle>, u64)>);

impl Taken {
    pub(super) fn new(delivery: Delivery) -> Self {
        let Delivery { message, damage, tag, channel, .. } = delivery;
        let message = Arc::unwrap_or_clone(message);
        Self { letter: Letter::read(&message), message, damage, owed: Owed(Some((channel, tag))) }
    }

    /// Whether it is still ours alone.
    pub(super) fn is_live(&self) -> bool {
        self.owed.0.as_ref().is_some_and(|(channel, _)| channel.is_open())
    }

    /// Takes it out of its queue; `false` if that did not reach the broker, and it comes again.
    pub(super) async fn ack(mut self) -> bool {
        let Some((channel, tag)) = self.owed.0.take() else { return false };
        let (settled, told) = oneshot::channel();
        // Whoever waits is here until it is told.
        channel.settle(tag, Settlement::Ack, Box::new(move |reached| _ = settled.send(reached)));
        told.await.unwrap_or_default()
    }

    /// What is to be given back, without what takes room.
    pub(super) fn into_owed(self) -> Owed {
        self.owed
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some((channel, tag)) = self.0.take() {
            channel.settle(tag, Settlement::Requeue, Box::new(|_| {}));
        }
    }
}
