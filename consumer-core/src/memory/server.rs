//! The server: its state behind a lock that nobody holds while waiting.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::state::State;
use crate::{broker::Publication, clock, error::Result};

#[derive(Default)]
pub(super) struct Server {
    state: Mutex<State>,
    changed: Notify,
}

impl Server {
    /// The state, also after a panic elsewhere: no method of it leaves a message in two places or in none.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever waits for it to change.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.announce();
        result
    }

    pub(super) fn announce(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until something is true that is announced when it becomes so.
    pub(super) async fn wait(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if condition(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Publishes now, or when the broker recovers in time.
    pub(super) async fn publish(&self, publication: Publication, limit: Duration) -> Result<()> {
        let Err(publication) = self.try_publish(publication)? else { return Ok(()) };
        drop(clock::timeout(limit, self.wait(State::takes_publishes)).await);
        self.lock().publish_or_give_up(publication)
    }

    /// Gives the publication back where the broker takes none.
    fn try_publish(&self, publication: Publication) -> Result<Result<(), Publication>> {
        let mut state = self.lock();
        if !state.takes_publishes() {
            return Ok(Err(publication));
        }
        state.publish(publication).map(Ok)
    }
}
