//! The server: its state behind a lock that nobody holds while waiting.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::state::State;
use crate::{
    broker::Publication,
    clock::{self, Instant},
    error::Result,
};

pub(super) struct Server {
    state: Mutex<State>,
    changed: Arc<Notify>,
}

impl Default for Server {
    fn default() -> Self {
        let state = State::default();
        Self { changed: state.changed(), state: state.into() }
    }
}

impl Server {
    /// The state, also after a panic elsewhere: no method of it leaves a message in two places or in none.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is, once what has expired by now has moved on.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let mut state = self.lock();
        state.expire();
        look(&state)
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

    /// Waits until something is true that is announced when it becomes so, or that an expiry makes true.
    pub(super) async fn wait(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            let (holds, due) = self.look(|state| (condition(state), state.next_expiry()));
            if holds {
                return;
            }
            no_later_than(due, changed).await;
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

/// Waits for something, and no longer than that.
pub(super) async fn no_later_than(due: Option<Instant>, bell: impl Future<Output = ()>) {
    match due {
        None => bell.await,
        Some(due) => drop(clock::timeout(due - clock::now(), bell).await),
    }
}
