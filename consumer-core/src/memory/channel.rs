//! The channel that a delivery came from, one of possibly several in the life of a subscription.

use std::sync::Arc;

use super::server::Server;
use crate::broker::{AllSettled, Settle, Settled, Settlement};

/// Which channel: the generation changes whenever the channel of a consumer dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) queue: usize,
    pub(super) consumer: u64,
    pub(super) generation: u64,
}

/// Held by its subscription and by each of its deliveries; whatever they leave unsettled goes back with the last of them.
pub(super) struct Channel {
    pub(super) server: Arc<Server>,
    pub(super) address: Address,
}

impl Settle for Channel {
    fn settle(&self, tag: u64, settlement: Settlement, settled: Settled) {
        let (sent, drained) = {
            let mut state = self.server.lock();
            let sent = state.settle(self.address, tag, settlement);
            (sent, state.is_drained(self.address.queue))
        };
        if drained {
            self.server.announce();
        }
        settled(sent);
    }

    fn settle_all(&self, tags: Vec<u64>, settlement: Settlement, settled: AllSettled) {
        let (missed, drained) = {
            let mut state = self.server.lock();
            let missed = tags.iter().filter(|tag| !state.settle(self.address, **tag, settlement)).count();
            (missed, state.is_drained(self.address.queue))
        };
        if drained {
            self.server.announce();
        }
        settled(missed);
    }

    fn is_open(&self) -> bool {
        self.server.lock().is_open(self.address)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.server.update(|state| state.close(self.address));
    }
}
