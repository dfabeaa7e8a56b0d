//! A subscription: deliveries of one queue, whatever happens to the channel.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use consumer_core::broker::{Delivery, Subscription};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Shared, feed::Feed};

/// Deliveries of one queue; see [`Broker::subscribe`](consumer_core::Broker::subscribe).
///
/// Dropped, it leaves what nobody took to the task that keeps the queue consumed, which gives it back: a delivery still in
/// work keeps the channel open, and with it everything else that came through it.
pub struct RabbitMqSubscription {
    /// One channel after the other.
    pub(super) feeds: mpsc::UnboundedReceiver<Feed>,
    /// The channel that consumes.
    pub(super) feed: Option<Feed>,
    pub(super) cancel: CancellationToken,
    /// Keeps the connections.
    pub(super) _shared: Arc<Shared>,
}

impl RabbitMqSubscription {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            if let Some(feed) = &mut self.feed {
                match feed.poll_next(context) {
                    Poll::Ready(Some(delivery)) => return Poll::Ready(Some(delivery)),
                    Poll::Ready(None) => self.feed = None,
                    Poll::Pending => {}
                }
            }
            // Also while one is silent: a connection that was cut need not say so.
            match self.feeds.poll_recv(context) {
                Poll::Ready(Some(next)) => self.feed = Some(next),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Subscription for RabbitMqSubscription {
    async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.poll_next(context)).await
    }

    async fn cancel(&mut self) {
        self.cancel.cancel();
    }
}

impl Drop for RabbitMqSubscription {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Debug for RabbitMqSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqSubscription").finish_non_exhaustive()
    }
}
