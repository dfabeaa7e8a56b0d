//! The bench: messages that may kill the process, each run when nothing else is here.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::job::BoxedJob;
use crate::clock::{self, Instant};

/// How long suspects wait for the others to be through before they are run all the same: an event may step back for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bench of one consumer.
///
/// While somebody sits on it nothing more is read from the queue, and what is here already is seen through first: a death
/// then takes nobody along, and no innocent message is delivered once more for it.
#[derive(Default)]
pub(super) struct Bench {
    /// Deliveries that this consumer has here, whatever they do.
    present: AtomicUsize,
    state: Mutex<State>,
    changed: Notify,
    occupied: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    suspects: VecDeque<BoxedJob>,
    /// Since when somebody sits here.
    since: Option<Instant>,
    running: bool,
}

impl State {
    fn is_due(&self, present: usize) -> bool {
        let others = present.saturating_sub(self.suspects.len());
        !self.running && (others == 0 || self.since.is_some_and(|since| since.elapsed() >= PATIENCE))
    }

    /// How long the first of them still waits for the others; `None` where only a change can end the wait.
    fn patience(&self) -> Option<Duration> {
        let since = self.since.filter(|_| !self.running && !self.suspects.is_empty())?;
        Some(PATIENCE.saturating_sub(since.elapsed()))
    }
}

/// One delivery that is here, until it is dropped.
pub(super) struct Presence(Arc<Bench>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::SeqCst);
        if self.0.is_occupied() {
            self.0.changed.notify_waiters();
        }
    }
}

impl Bench {
    /// Notes that a delivery is here.
    pub(super) fn enter(self: &Arc<Self>) -> Presence {
        self.present.fetch_add(1, Ordering::SeqCst);
        Presence(self.clone())
    }

    /// Whether somebody sits on it, or is run from it.
    pub(super) fn is_occupied(&self) -> bool {
        *self.occupied.borrow()
    }

    /// Waits until it is occupied, or until it is not.
    pub(super) async fn becomes(&self, occupied: bool) {
        let mut now = self.occupied.subscribe();
        // The sender lives as long as `self`.
        let _ = now.wait_for(|is| *is == occupied).await;
    }

    /// Has a suspect wait for its turn.
    pub(super) fn sit(&self, job: BoxedJob) {
        let mut state = self.lock();
        state.since.get_or_insert_with(clock::now);
        state.suspects.push_back(job);
        drop(state);
        self.occupied.send_replace(true);
        self.changed.notify_waiters();
    }

    /// The next suspect, when its turn has come; or at once if `all` are to leave. Whoever takes it says when it is
    /// [through](Self::through).
    ///
    /// # Cancel safety
    /// No suspect is lost when the future is dropped.
    pub(super) async fn next(&self, all: impl Future<Output = ()>) -> BoxedJob {
        let mut all = std::pin::pin!(all);
        let mut leaves = false;
        loop {
            let changed = self.changed.notified();
            let wait = {
                let mut state = self.lock();
                let is_next = (leaves && !state.running) || state.is_due(self.present.load(Ordering::SeqCst));
                if let Some(job) = is_next.then(|| state.suspects.pop_front()).flatten() {
                    state.running = true;
                    return job;
                }
                state.patience()
            };
            tokio::select! {
                () = changed => {}
                () = clock::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                () = &mut all, if wait.is_some() && !leaves => leaves = true,
            }
        }
    }

    /// The suspect that was taken is through.
    pub(super) fn through(&self) {
        let mut state = self.lock();
        state.running = false;
        let is_empty = state.suspects.is_empty();
        state.since = state.since.filter(|_| !is_empty);
        drop(state);
        if is_empty {
            self.occupied.send_replace(false);
        }
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
