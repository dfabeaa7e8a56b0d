//! A feed: the deliveries of one channel, taken out of lapin by whoever processes them.
//!
//! No task stands in between, which would be woken up for a delivery only to wake up somebody else.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use consumer_core::{
    broker::{Delivery, Settlement},
    message::HeaderValue,
};
use futures_util::StreamExt;
use lapin::{Consumer, types::ShortString};
use tokio::sync::oneshot;
use tracing::warn;

use super::{message, settle::Settler, wire::DAMAGE};

/// How the deliveries of a channel ended: after a cancel of ours or the broker's, or by an error.
pub(super) type Over = lapin::Result<()>;

/// The deliveries of one channel.
pub(super) struct Feed {
    consumer: Consumer,
    settler: Arc<Settler>,
    /// Who waits for the end.
    over: Option<oneshot::Sender<Over>>,
}

impl Feed {
    pub(super) fn new(consumer: Consumer, settler: Arc<Settler>) -> Self {
        Self { consumer, settler, over: None }
    }

    /// The same deliveries for somebody else, who tells how they end.
    pub(super) fn share(&self) -> (Self, oneshot::Receiver<Over>) {
        let (over, ends) = oneshot::channel();
        let shared =
            Self { consumer: self.consumer.clone(), settler: self.settler.clone(), over: Some(over) };
        (shared, ends)
    }

    pub(super) fn queue(&self) -> ShortString {
        self.consumer.queue()
    }

    pub(super) fn tag(&self) -> ShortString {
        self.consumer.tag()
    }

    /// The next delivery; `None` once there are no more. Those of a channel that has ended are left out: they come again.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            let end = match ready!(self.consumer.poll_next_unpin(context)) {
                Some(Ok(mut delivery)) => {
                    let delivery = self.receive(&mut delivery);
                    if delivery.is_live() {
                        return Poll::Ready(Some(delivery));
                    }
                    continue;
                }
                Some(Err(error)) => Err(error),
                None => Ok(()),
            };
            if let Some(over) = self.over.take() {
                // Nobody waits if the channel has ended in another way meanwhile.
                let _ = over.send(end);
            }
            return Poll::Ready(None);
        }
    }

    /// Returns what nobody takes to its queue.
    pub(super) async fn give_back_all(&mut self) {
        while let Some(delivery) = std::future::poll_fn(|context| self.poll_next(context)).await {
            delivery.settle(Settlement::Requeue, Box::new(|_| {}));
        }
    }

    /// By reference: lapin's delivery is large, and to move it costs more than what is done with it.
    fn receive(&self, delivery: &mut lapin::message::Delivery) -> Delivery {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        self.settler.delivered(tag);
        let mut message = message::received(delivery);
        let damage = message.headers.remove(DAMAGE).map(|damage| match damage {
            HeaderValue::Text(damage) => damage,
            _ => "unknown".to_owned(),
        });
        if let Some(damage) = &damage {
            warn!(queue = self.queue().as_str(), damage, "a message cannot be read");
        }
        Delivery { message: Arc::new(message), damage, redelivered, tag, channel: self.settler.clone() }
    }
}
