//! The relay: publishes what the outbox holds, in the order of the commits within each key.
//!
//! Of the [three rules](crate::storage::OutboxStorage) that make the order, the first one is the storage's; the second is
//! the storage's too, and [`desk`] keeps it for the rows in hand: what a lane has begun is continued or given back from
//! there on. The third is [`desk`]'s alone: a lane has one row in flight, and only its confirm lets the next one go.
//!
//! One task does everything. It makes one trip to the database at a time, on a session of its own, while publishes are in
//! flight: what was confirmed meanwhile is written on the next trip, which brings new rows as well.

mod bell;
mod desk;
#[cfg(test)]
mod desk_cases;
#[cfg(test)]
mod model;
mod trip;
mod verdict;
mod vitals;
mod work;

use tokio_util::sync::CancellationToken;

use self::work::Work;
pub(super) use self::{
    bell::{Bell, announce, listen},
    vitals::OutboxVitals,
};
use crate::{broker::Broker, outbox::Relay, storage::Storage};
use std::sync::Arc;

/// What a relay works with.
pub(super) struct Relaying<S: Storage, B: Broker> {
    pub(super) storage: S,
    pub(super) broker: B,
    pub(super) config: Relay,
    pub(super) bell: Bell,
    pub(super) vitals: Arc<OutboxVitals>,
    /// Cancelled when nothing more will be committed in this process.
    pub(super) stopping: CancellationToken,
}

impl<S: Storage, B: Broker> Relaying<S, B> {
    /// Relays until it is told to stop and nothing is left in its hands.
    pub(super) async fn run(self) {
        Work::new(self).run().await;
    }
}
