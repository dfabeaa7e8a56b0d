//! The bell that says that events were committed, and who passes it on where nobody relays.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use crate::{clock, departures::Departures, error::Chain, retry::outage_wait, storage::Storage};

/// At most one announcement in this time: each one is a transaction, and on PostgreSQL a lock of the whole cluster.
const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_millis(50);

/// Rung after a commit; whoever relays in this process hears it, once for any number of rings.
#[derive(Clone, Default)]
pub(in crate::runtime) struct Bell(Arc<Notify>);

impl Bell {
    /// Says that events were committed.
    pub(in crate::runtime) fn ring(&self) {
        self.0.notify_one();
    }

    /// Says what was committed.
    pub(in crate::runtime) fn ring_for(&self, departures: &Departures) {
        if !departures.events.is_empty() {
            self.ring();
        }
    }

    /// Waits for a ring, also one that is over.
    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}

/// Passes rings on to the relays of other processes, until it is dropped; a failure is found out by their next look.
pub(in crate::runtime) async fn announce<S: Storage>(storage: S, bell: Bell) {
    loop {
        bell.rung().await;
        if let Err(error) = storage.announce().await {
            tracing::warn!(
                error = %Chain(error.as_ref()),
                "cannot announce events to the relays of other processes; they find them when they look"
            );
        }
        clock::sleep(BETWEEN_ANNOUNCEMENTS).await;
    }
}

/// Rings for what other processes announce, until it is dropped.
pub(in crate::runtime) async fn listen<S: Storage>(storage: S, bell: Bell) {
    let mut failures = 0;
    loop {
        let listened = clock::now();
        let ended = storage.announced(|| bell.ring()).await;
        if listened.elapsed() > HEALTHY {
            failures = 0;
        }
        if let Err(error) = ended {
            tracing::debug!(error = %Chain(error.as_ref()), "announcements of other processes are not heard");
        }
        clock::sleep(outage_wait(failures, fastrand::f64())).await;
        failures += 1;
    }
}

/// Who has listened for so long has not failed at once.
const HEALTHY: Duration = Duration::from_secs(30);
