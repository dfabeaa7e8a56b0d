//! The consumer's end of a subscription.

use std::sync::Arc;

use tokio::{sync::Notify, task::coop};

use super::{
    channel::{Address, Channel},
    queue::Taken,
    server::{Server, no_later_than},
    state::Take,
};
use crate::broker::{Delivery, Subscription};

/// Deliveries of one queue of a [`MemoryBroker`](super::MemoryBroker).
///
/// Dropped, it gives back what was prefetched. What was handed out can still be settled, and goes back once all of it is
/// settled or dropped. A settlement is answered before the call returns.
pub struct MemorySubscription {
    channel: Arc<Channel>,
    bell: Arc<Notify>,
}

impl MemorySubscription {
    pub(super) fn new(server: Arc<Server>, address: Address, bell: Arc<Notify>) -> Self {
        Self { channel: Arc::new(Channel { server, address }), bell }
    }

    fn hand_out(&mut self, taken: Taken) -> Delivery {
        if self.channel.address.generation != taken.generation {
            let address = Address { generation: taken.generation, ..self.channel.address };
            self.channel = Arc::new(Channel { server: self.channel.server.clone(), address });
        }
        Delivery {
            message: Arc::new(taken.stored.to_message(taken.kind)),
            redelivered: taken.stored.returns > 0,
            tag: taken.tag,
            channel: self.channel.clone(),
            damage: None,
        }
    }
}

impl Subscription for MemorySubscription {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            coop::consume_budget().await;
            let take = self.channel.server.lock().take(self.channel.address);
            match take {
                Take::Message(taken) => return Some(self.hand_out(taken)),
                Take::Nothing { due } => no_later_than(due, self.bell.notified()).await,
                Take::End => return None,
            }
        }
    }

    async fn cancel(&mut self) {
        self.channel.server.lock().cancel(self.channel.address);
        self.bell.notify_one();
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        let address = self.channel.address;
        self.channel.server.update(|state| state.leave(address));
    }
}
