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
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use super::job::{BoxedJob, Job};

/// Everything that waits in one consumer for a worker. What waits is bounded by the prefetch of the consumer.
pub(super) struct Lanes {
    /// Whether the events of this consumer have keys.
    keyed: bool,
    hasher: RandomState,
    state: Mutex<State>,
    /// How many are here, in work or not.
    present: AtomicUsize,
    /// How many have come so far.
    arrivals: AtomicU64,
    changed: Notify,
    /// How many workers wait for something to take up.
    idle: AtomicUsize,
    /// One more does.
    wanted: Notify,
}

/// The hasher of what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the lanes' map has hashes for its keys");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct State {
    /// To be taken up by whoever is free, in the order of arrival: events without a key, and the first of each lane that nobody
    /// works on.
    ready: VecDeque<BoxedJob>,
    /// The same, of those that have waited for others: they have come before most that are ready, and go before them. Else a few old
    /// ones would stay behind, and every acknowledgement behind them.
    resumed: BinaryHeap<Reverse<Resumed>>,
    /// The lanes of keys that have an event here, by the hash of the key; two keys with one hash share a lane.
    lanes: HashMap<u64, Lane, BuildHasherDefault<Hashed>>,
    /// How many wait in lanes behind others.
    behind: usize,
    /// Deliveries whose lanes nobody knows yet, in the order of arrival.
    unsorted: VecDeque<BoxedJob>,
    /// Whether a worker is sorting them.
    sorting: bool,
    /// Whether more will come from the queue.
    reading: bool,
}

/// Compared by when it has come.
struct Resumed(BoxedJob);

impl Ord for Resumed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.arrival().cmp(&other.0.arrival())
    }
}

impl PartialOrd for Resumed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Resumed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Resumed {}

#[derive(Default)]
struct Lane {
    /// Events of the lane that are ready or in work.
    out: usize,
    /// Those behind them.
    waiting: VecDeque<BoxedJob>,
}

/// A delivery's claim on its lane, until it is dropped.
pub(super) struct Seat {
    /// `None` once it is given up.
    lanes: Option<Arc<Lanes>>,
    lane: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(lanes) = self.lanes.take() {
            lanes.leave(&[self.lane]);
        }
    }
}

impl Seat {
    /// The lane, which whoever asks leaves.
    fn give_up(mut self) -> u64 {
        self.lanes = None;
        self.lane
    }
}

/// Says that a delivery is here, until it is dropped.
pub(super) struct Stay {
    lanes: Arc<Lanes>,
    /// How many have come before it.
    pub(super) arrival: u64,
}

impl Drop for Stay {
    fn drop(&mut self) {
        let lanes = &self.lanes;
        if lanes.present.fetch_sub(1, Ordering::AcqRel) == 1 && lanes.is_over(&lanes.lock()) {
            lanes.changed.notify_waiters();
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

/// Says that a worker waits, until it is dropped.
struct Idle<'l>(&'l Lanes);

impl<'l> Idle<'l> {
    fn begin(lanes: &'l Lanes) -> Self {
        lanes.idle.fetch_add(1, Ordering::AcqRel);
        lanes.wanted.notify_one();
        Self(lanes)
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.idle.fetch_sub(1, Ordering::AcqRel);
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
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.resumed.is_empty() && (self.sorting || self.unsorted.is_empty())
    }

    /// Takes the one that has come first of those that are ready, if it is as wanted.
    fn pop_if(&mut self, wanted: impl Fn(&Job) -> bool) -> Option<BoxedJob> {
        let resumed = self.resumed.peek().map(|Reverse(Resumed(job))| job);
        match (resumed, self.ready.front()) {
            (Some(resumed), next) if next.is_none_or(|next| resumed.arrival() < next.arrival()) => {
                if !wanted(resumed) {
                    return None;
                }
                self.resumed.pop().map(|Reverse(Resumed(job))| job)
            }
            _ => self.ready.pop_front_if(|job| wanted(job)),
        }
    }

    /// How many of known lanes nobody has taken up.
    fn waiting(&self) -> usize {
        self.ready.len() + self.resumed.len() + self.behind
    }

    fn resume(&mut self, job: BoxedJob) {
        self.resumed.push(Reverse(Resumed(job)));
    }
}

impl Lanes {
    pub(super) fn new(keyed: bool) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            resumed: BinaryHeap::new(),
            lanes: HashMap::default(),
            behind: 0,
            unsorted: VecDeque::new(),
            sorting: false,
            reading: true,
        };
        Arc::new(Self {
            keyed,
            hasher: RandomState::default(),
            state: Mutex::new(state),
            present: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            changed: Notify::new(),
            idle: AtomicUsize::new(0),
            wanted: Notify::new(),
        })
    }

    /// Notes that a delivery is here.
    pub(super) fn enter(self: &Arc<Self>) -> Stay {
        self.present.fetch_add(1, Ordering::Relaxed);
        Stay { lanes: self.clone(), arrival: self.arrivals.fetch_add(1, Ordering::Relaxed) }
    }

    /// Takes in what comes from the queue, in its order; `read` reads a delivery, by which its key is known. Only the reader
    /// calls this. How many wait then to be taken up, now or after those before them.
    pub(super) fn arrive(self: &Arc<Self>, mut jobs: Vec<BoxedJob>, read: impl Fn(&mut Job)) -> usize {
        let sorted = self.can_be_sorted(&jobs);
        if self.keyed {
            jobs[..sorted].iter_mut().for_each(|job| read(job));
        }
        let mut state = self.lock();
        let mut jobs = jobs.into_iter();
        for job in jobs.by_ref().take(sorted) {
            self.sort_in(&mut state, job);
        }
        // Nobody else adds to what is unsorted, so that these are still the next.
        state.unsorted.extend(jobs);
        let (is_empty, waiting) = (state.is_empty(), state.waiting());
        drop(state);
        if !is_empty {
            self.changed.notify_one();
        }
        waiting
    }

    /// How many of them find their lanes at once: those before the first that has to be marked before it is read.
    fn can_be_sorted(&self, jobs: &[BoxedJob]) -> usize {
        if !self.keyed {
            return jobs.len();
        }
        let state = self.lock();
        if state.sorting || !state.unsorted.is_empty() {
            return 0;
        }
        drop(state);
        jobs.iter().position(|job| job.delivery.redelivered).unwrap_or(jobs.len())
    }

    /// The next delivery that is not sorted; whoever asks goes on sorting, or is done with it.
    pub(super) fn next_unsorted(&self) -> Option<BoxedJob> {
        let mut state = self.lock();
        let next = state.unsorted.pop_front();
        state.sorting = next.is_some();
        next
    }

    /// Puts a delivery at the end of its lane.
    pub(super) fn push(self: &Arc<Self>, job: BoxedJob) {
        self.sort_in(&mut self.lock(), job);
        self.changed.notify_one();
    }

    fn sort_in(self: &Arc<Self>, state: &mut State, mut job: BoxedJob) {
        let Some(lane) = self.lane_of(&job) else { return state.ready.push_back(job) };
        match state.lanes.entry(lane) {
            Entry::Occupied(mut found) => {
                found.get_mut().waiting.push_back(job);
                state.behind += 1;
            }
            Entry::Vacant(free) => {
                free.insert(Lane { out: 1, waiting: VecDeque::new() });
                job.seat = Some(self.seat(lane));
                state.ready.push_back(job);
            }
        }
    }

    fn seat(self: &Arc<Self>, lane: u64) -> Seat {
        Seat { lanes: Some(self.clone()), lane }
    }

    /// Has deliveries leave that are settled.
    pub(super) fn depart(self: &Arc<Self>, mut jobs: Vec<BoxedJob>) {
        let lanes: Vec<_> = jobs.iter_mut().filter_map(|job| job.seat.take()).map(Seat::give_up).collect();
        self.leave(&lanes);
    }

    /// Puts deliveries that were taken back where they were, before all others of their lanes, in the order given.
    pub(super) fn put_back(self: &Arc<Self>, jobs: Vec<BoxedJob>) {
        let mut seats = Vec::with_capacity(jobs.len());
        let mut state = self.lock();
        for mut job in jobs.into_iter().rev() {
            match (self.lane_of(&job), job.seat.take()) {
                (Some(lane), seat) => {
                    state.lanes.entry(lane).or_default().waiting.push_front(job);
                    state.behind += 1;
                    seats.extend(seat);
                }
                (None, seat) => {
                    seats.extend(seat);
                    state.resume(job);
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
        state.behind += 1;
        drop(state);
        self.leave(&[lane]);
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
        let Some(first) = state.pop_if(|_| true) else {
            return if self.is_over(&state) { Found::Over } else { Found::Nothing };
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
                state.behind -= 1;
                next.seat = Some(self.seat(lane));
                hand.push(next);
                continue;
            }
            match state.pop_if(|job| job.mixes) {
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
            let _idle = Idle::begin(self);
            changed.await;
        }
    }

    /// Whether a worker waits for something to take up.
    pub(super) fn is_wanted(&self) -> bool {
        self.idle.load(Ordering::Acquire) > 0
    }

    /// Waits until a worker begins to wait for something to take up; one may have done so since somebody last asked.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    fn has_nothing(&self) -> bool {
        let state = self.lock();
        state.is_empty() && !self.is_over(&state)
    }

    fn lane_of(&self, job: &Job) -> Option<u64> {
        job.key().map(|key| self.hasher.hash_one(key))
    }

    /// One event of each of these lanes is through, or waits elsewhere.
    fn leave(self: &Arc<Self>, lanes: &[u64]) {
        let mut state = self.lock();
        let mut next_is_ready = false;
        for &lane in lanes {
            let Entry::Occupied(mut found) = state.lanes.entry(lane) else { continue };
            found.get_mut().out -= 1;
            if found.get().out > 0 {
                continue;
            }
            match found.get_mut().waiting.pop_front() {
                None => _ = found.remove(),
                Some(mut next) => {
                    found.get_mut().out = 1;
                    next.seat = Some(self.seat(lane));
                    state.behind -= 1;
                    state.resume(next);
                    next_is_ready = true;
                }
            }
        }
        drop(state);
        if next_is_ready {
            self.changed.notify_one();
        }
    }

    /// Whether nothing is here, and nothing more comes.
    fn is_over(&self, state: &State) -> bool {
        !state.reading && self.present.load(Ordering::Acquire) == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
