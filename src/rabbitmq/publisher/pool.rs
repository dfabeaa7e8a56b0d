//! A pool: the lanes of one connection, and the messages that wait for room on one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lapin::types::ShortString;
use tokio::{runtime::Handle, sync::oneshot, time::sleep};
use tracing::debug;

use super::lane::Lane;
use crate::rabbitmq::{
    returns::{Fate, Likeness},
    session::Session,
};

/// Between attempts to open a channel on a connection that refuses it.
const PAUSE: Duration = Duration::from_millis(100);

/// Lanes that are opened when a message finds no room.
#[derive(Debug)]
pub(super) struct Pool {
    session: Arc<Session>,
    /// How many lanes there are at most.
    lanes: usize,
    /// How many messages are on one.
    window: usize,
    engine: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lanes: Vec<Arc<Lane>>,
    opening: usize,
    /// The longest waiting first. They wait for room, or for a lane with none like them.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    likeness: Likeness,
    exchange: ShortString,
    berth: oneshot::Sender<Berth>,
}

/// Berths that were found for messages that wait, handed over once nothing is locked.
type Found = Vec<(oneshot::Sender<Berth>, Berth)>;

impl Pool {
    /// At most `lanes` channels of this connection, with `window` messages on each.
    pub(super) fn new(session: Arc<Session>, lanes: usize, window: usize) -> Arc<Self> {
        let engine = Handle::current();
        Arc::new(Self { session, lanes: lanes.max(1), window, engine, state: Mutex::default() })
    }

    /// Room for one message, waited for; `None` once the connection is gone.
    pub(super) async fn board(self: &Arc<Self>, likeness: Likeness, exchange: &ShortString) -> Option<Berth> {
        let waiting = match self.at_once(likeness, exchange) {
            Ok(berth) => return Some(berth),
            Err(waiting) => waiting,
        };
        tokio::select! {
            berth = waiting => berth.ok(),
            () = self.session.ended() => None,
        }
    }

    fn at_once(
        self: &Arc<Self>,
        likeness: Likeness,
        exchange: &ShortString,
    ) -> Result<Berth, oneshot::Receiver<Berth>> {
        let mut state = self.state();
        if let Some(lane) = state.lanes.iter().find(|lane| lane.take(likeness, exchange)) {
            return Ok(self.berth(lane, likeness));
        }
        // One that broke while nothing was on it.
        state.lanes.retain(|lane| lane.is_usable());
        let (berth, waiting) = oneshot::channel();
        state.waiting.push_back(Waiting { likeness, exchange: exchange.clone(), berth });
        self.open_if_short(&mut state);
        Err(waiting)
    }

    fn berth(self: &Arc<Self>, lane: &Arc<Lane>, likeness: Likeness) -> Berth {
        Berth { pool: self.clone(), lane: lane.clone(), likeness, state: Aboard::Waits }
    }

    /// A message has left this lane: its place is the next one's.
    fn left(self: &Arc<Self>, lane: &Arc<Lane>) {
        let mut state = self.state();
        if !lane.is_usable() {
            state.lanes.retain(|other| !Arc::ptr_eq(other, lane));
        }
        let found = self.fill(&mut state, lane, 1);
        self.open_if_short(&mut state);
        drop(state);
        hand_over(found);
    }

    /// Finds room on a lane for up to `most` messages, in their order.
    fn fill(self: &Arc<Self>, state: &mut State, lane: &Arc<Lane>, most: usize) -> Found {
        let mut found = Vec::new();
        let mut at = 0;
        while at < state.waiting.len() && found.len() < most && lane.is_usable() {
            let Waiting { likeness, exchange, .. } = &state.waiting[at];
            if !lane.take(*likeness, exchange) {
                at += 1;
            } else if let Some(waiting) = state.waiting.remove(at) {
                found.push((waiting.berth, self.berth(lane, waiting.likeness)));
            }
        }
        found
    }

    fn open_if_short(self: &Arc<Self>, state: &mut State) {
        state.waiting.retain(|waiting| !waiting.berth.is_closed());
        if !state.waiting.is_empty() && state.opening == 0 && state.lanes.len() < self.lanes {
            state.opening += 1;
            self.engine.spawn(self.clone().open());
        }
    }

    /// Opens a lane, however long that takes.
    async fn open(self: Arc<Self>) {
        let opened = tokio::select! {
            lane = self.lane() => Some(Arc::new(lane)),
            () = self.session.ended() => None,
        };
        let mut state = self.state();
        state.opening -= 1;
        let mut found = Vec::new();
        match opened {
            Some(lane) => {
                found = self.fill(&mut state, &lane, self.window);
                state.lanes.push(lane);
                self.open_if_short(&mut state);
            }
            None => state.waiting.clear(),
        }
        drop(state);
        hand_over(found);
    }

    async fn lane(&self) -> Lane {
        loop {
            match Lane::open(&self.session, self.window).await {
                Ok(lane) => return lane,
                Err(error) => debug!(%error, "no channel to publish on"),
            }
            sleep(PAUSE).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives berths to those who wait. One that nobody waits for any more is dropped, which gives it to the next.
fn hand_over(found: Found) {
    for (waiting, berth) in found {
        let _ = waiting.send(berth);
    }
}

/// Room for one message on a lane.
///
/// Dropped with its message in flight, the message keeps its place, and the lane is retired: nobody listens to what comes
/// back of it.
#[derive(Debug)]
pub(super) struct Berth {
    pool: Arc<Pool>,
    lane: Arc<Lane>,
    likeness: Likeness,
    state: Aboard,
}

/// Where the message of a berth is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aboard {
    Waits,
    Flies,
    Left,
}

impl Berth {
    /// The lane, to send the message on.
    pub(super) fn fly(&mut self) -> &Lane {
        self.state = Aboard::Flies;
        &self.lane
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Whether no other message can be on the lane.
    pub(super) fn is_alone(&self) -> bool {
        self.pool.window == 1
    }

    /// The message is no longer in flight.
    pub(super) fn leave(mut self) -> Fate {
        self.state = Aboard::Left;
        self.lane.give(self.likeness)
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        match self.state {
            Aboard::Waits => drop(self.lane.give(self.likeness)),
            Aboard::Flies => self.lane.retire(),
            Aboard::Left => {}
        }
        self.pool.left(&self.lane);
    }
}
