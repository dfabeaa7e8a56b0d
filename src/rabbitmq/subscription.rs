//! A subscription: deliveries of one queue, whatever happens to the channel.

use std::{collections::VecDeque, fmt, sync::Arc};

use consumer_core::broker::{Delivery, Settlement, Subscription};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;

/// Deliveries of one queue; see [`Broker::subscribe`](consumer_core::Broker::subscribe).
pub struct RabbitMqSubscription {
    /// What has arrived and nobody has taken.
    pub(super) here: VecDeque<Delivery>,
    pub(super) deliveries: mpsc::Receiver<Vec<Delivery>>,
    pub(super) cancel: CancellationToken,
    /// Keeps the connections.
    pub(super) _shared: Arc<Shared>,
}

impl Subscription for RabbitMqSubscription {
    /// Deliveries of a channel that has ended are left out: they come again.
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            while let Some(delivery) = self.here.pop_front() {
                if delivery.is_live() {
                    return Some(delivery);
                }
            }
            self.here.extend(self.deliveries.recv().await?);
        }
    }

    async fn cancel(&mut self) {
        self.cancel.cancel();
    }
}

impl Drop for RabbitMqSubscription {
    /// What nobody took goes back by itself: a delivery still in work keeps the channel open, and with it everything else
    /// that came through it.
    fn drop(&mut self) {
        self.cancel.cancel();
        self.deliveries.close();
        self.here.drain(..).for_each(give_back);
        while let Ok(deliveries) = self.deliveries.try_recv() {
            deliveries.into_iter().for_each(give_back);
        }
    }
}

/// Returns a delivery that nobody takes to its queue.
pub(super) fn give_back(delivery: Delivery) {
    delivery.settle(Settlement::Requeue, Box::new(|_| {}));
}

impl fmt::Debug for RabbitMqSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqSubscription").finish_non_exhaustive()
    }
}
