//! The lanes: which deliveries a worker takes up next.
//!
//! The events of one `#[event(key)]` are a lane. Whoever takes up its first event has the lane to itself until that event is
//! settled, so that the events of a key are processed one after the other, in the order in which they arrived, and two batches
//! never hold rows of one key. A lane that waits belongs to nobody: whichever worker is free takes the next one that is ready, and
//! a key with more events than all others together keeps one worker busy, not the others from theirs.
//!
//! To know its lane, a delivery has to be read, and one that was delivered before has to be marked before it is read, because
//! reading it may kill the process. Whatever arrives after such a one waits, unsorted, until a worker has marked it.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::job::{BoxedJob, Job};

/// Everything that waits in one consumer for a worker. What waits is bounded by the prefetch of the consumer.
pub(super) struct Lanes {
    /// Whether the events of this consumer have keys.
    keyed: bool,
    hasher: RandomState,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// To be taken up by whoever is free: events without a key, and the first of each lane that nobody works on.
    ready: VecDeque<BoxedJob>,
    /// The lanes of keys that have an event here, by the hash of the key; two keys with one hash share a lane.
    lanes: HashMap<u64, Lane>,
    /// Deliveries whose lanes nobody knows yet, in the order of arrival.
    unsorted: VecDeque<BoxedJob>,
    /// Whether a worker is sorting them.
    sorting: bool,
    /// Whether more will come from the queue.
    reading: bool,
    /// How many are here, in work or not.
    present: usize,
}

#[derive(Default)]
struct Lane {
    /// Events of the lane that are ready or in work.
    out: usize,
    /// Those behind them.
    waiting: VecDeque<BoxedJob>,
}

/// A delivery's claim on its lane, until it is dropped.
pub(super) struct Seat {
    lanes: Arc<Lanes>,
    lane: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.lanes.leave(self.lane);
    }
}

/// Says that a delivery is here, until it is dropped.
pub(super) struct Stay(Arc<Lanes>);

impl Drop for Stay {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.present -= 1;
        if state.is_over() {
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}

/// Says that more will come from the queue, until it is dropped.
pub(super) struct Feed(pub(super) Arc<Lanes>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.lock().reading = false;
        self.0.changed.notify_waiters();
    }
}

/// What a worker finds.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// Deliveries to process, in its hands now.
    Work,
    /// A delivery that has to be marked and read before others can be sorted; the worker goes on until
    /// [`next_unsorted`](Lanes::next_unsorted) gives it no more.
    Unsorted,
    /// Nothing, now.
    Nothing,
    /// Nothing, ever again.
    Over,
}

impl State {
    fn is_over(&self) -> bool {
        !self.reading && self.present == 0
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && (self.sorting || self.unsorted.is_empty())
    }
}

impl Lanes {
    pub(super) fn new(keyed: bool) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            lanes: HashMap::new(),
            unsorted: VecDeque::new(),
            sorting: false,
            reading: true,
            present: 0,
        };
        Arc::new(Self { keyed, hasher: RandomState::new(), state: Mutex::new(state), changed: Notify::new() })
    }

    /// Notes that a delivery is here.
    pub(super) fn enter(self: &Arc<Self>) -> Stay {
        self.lock().present += 1;
        Stay(self.clone())
    }

    /// Takes in what comes from the queue; `read` reads a delivery, by which its key is known. Only the reader calls this.
    pub(super) fn arrive(self: &Arc<Self>, mut job: BoxedJob, read: impl FnOnce(&mut Job)) {
        if !self.keyed {
            return self.push(job);
        }
        let mut state = self.lock();
        if state.sorting || !state.unsorted.is_empty() || job.delivery.redelivered {
            state.unsorted.push_back(job);
            drop(state);
            return self.changed.notify_one();
        }
        drop(state);
        // Nobody else adds to what is unsorted, so that this one is still the next.
        read(&mut job);
        self.push(job);
    }

    /// The next delivery that is not sorted; whoever asks goes on sorting, or is done with it.
    pub(super) fn next_unsorted(&self) -> Option<BoxedJob> {
        let mut state = self.lock();
        let next = state.unsorted.pop_front();
        state.sorting = next.is_some();
        next
    }

    /// Puts a delivery at the end of its lane.
    pub(super) fn push(self: &Arc<Self>, mut job: BoxedJob) {
        let mut state = self.lock();
        match self.lane_of(&job) {
            None => state.ready.push_back(job),
            Some(lane) => match state.lanes.entry(lane) {
                Entry::Occupied(mut behind) => {
                    behind.get_mut().waiting.push_back(job);
                    return;
                }
                Entry::Vacant(free) => {
                    free.insert(Lane { out: 1, waiting: VecDeque::new() });
                    job.seat = Some(Seat { lanes: self.clone(), lane });
                    state.ready.push_back(job);
                }
            },
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Puts deliveries that were taken back where they were, before all others of their lanes, in the order given.
    pub(super) fn put_back(self: &Arc<Self>, jobs: Vec<BoxedJob>) {
        let mut seats = Vec::with_capacity(jobs.len());
        let mut state = self.lock();
        for mut job in jobs.into_iter().rev() {
            match (self.lane_of(&job), job.seat.take()) {
                (Some(lane), seat) => {
                    state.lanes.entry(lane).or_default().waiting.push_front(job);
                    seats.extend(seat);
                }
                (None, seat) => {
                    seats.extend(seat);
                    state.ready.push_front(job);
                }
            }
        }
        drop(state);
        // Each lane is ready again when the last of its events has left its seat.
        seats.into_iter().for_each(drop);
        self.changed.notify_one();
    }

    /// Puts a delivery back before all others of its lane, after it has left it.
    pub(super) fn come_back(self: &Arc<Self>, job: BoxedJob) {
        let mut state = self.lock();
        let Some(lane) = self.lane_of(&job) else {
            state.ready.push_back(job);
            drop(state);
            return self.changed.notify_one();
        };
        let found = state.lanes.entry(lane).or_default();
        found.waiting.push_front(job);
        found.out += 1;
        drop(state);
        self.leave(lane);
    }

    /// Moves up to `most` deliveries into `hand`: one, or several that may be processed together.
    pub(super) fn take(self: &Arc<Self>, most: usize, hand: &mut Vec<BoxedJob>) -> Found {
        let mut state = self.lock();
        if !state.sorting
            && let Some(job) = state.unsorted.pop_front()
        {
            state.sorting = true;
            hand.push(job);
            return Found::Unsorted;
        }
        let Some(first) = state.ready.pop_front() else {
            return if state.is_over() { Found::Over } else { Found::Nothing };
        };
        let mixes = first.mixes;
        hand.push(first);
        if mixes {
            self.fill(&mut state, most, hand);
        }
        let more = !state.is_empty();
        drop(state);
        if more {
            self.changed.notify_one();
        }
        Found::Work
    }

    /// Takes more of what may be processed together: what is behind the last one in its lane, then the next that is ready.
    fn fill(self: &Arc<Self>, state: &mut State, most: usize, hand: &mut Vec<BoxedJob>) {
        while hand.len() < most {
            let lane = hand.last().and_then(|job| job.seat.as_ref()).map(|seat| seat.lane);
            if let Some(lane) = lane
                && let Some(found) = state.lanes.get_mut(&lane)
                && let Some(mut next) = found.waiting.pop_front_if(|job| job.mixes)
            {
                found.out += 1;
                next.seat = Some(Seat { lanes: self.clone(), lane });
                hand.push(next);
                continue;
            }
            match state.ready.pop_front_if(|job| job.mixes) {
                Some(next) => hand.push(next),
                None => return,
            }
        }
    }

    /// Waits until there may be something to take.
    ///
    /// # Cancel safety
    /// Nothing is taken by it.
    pub(super) async fn wait(&self) {
        let changed = self.changed.notified();
        if self.has_nothing() {
            changed.await;
        }
    }

    fn has_nothing(&self) -> bool {
        let state = self.lock();
        state.is_empty() && !state.is_over()
    }

    fn lane_of(&self, job: &Job) -> Option<u64> {
        job.key().map(|key| self.hasher.hash_one(key))
    }

    /// One event of the lane is through, or waits elsewhere.
    fn leave(self: &Arc<Self>, lane: u64) {
        let mut state = self.lock();
        let Entry::Occupied(mut found) = state.lanes.entry(lane) else { return };
        found.get_mut().out -= 1;
        if found.get().out > 0 {
            return;
        }
        match found.get_mut().waiting.pop_front() {
            None => {
                found.remove();
            }
            Some(mut next) => {
                found.get_mut().out = 1;
                next.seat = Some(Seat { lanes: self.clone(), lane });
                state.ready.push_back(next);
                drop(state);
                self.changed.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
