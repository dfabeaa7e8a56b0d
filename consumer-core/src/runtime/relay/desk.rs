//! The desk of a relay: which of the rows in its hands comes next, and what there is to write about them.
//!
//! No clock, no I/O, no `async`: moments come in as numbers, rows come in from a lease and leave as publishes.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use crate::{
    clock::Instant,
    fault,
    outbox::{Fate, Lane, OutboxRow, Position, Settled},
};

/// A lease takes at least this part of the window: many small ones would keep the database busy with looking.
const PART_OF_WINDOW: usize = 4;

/// Rows that are leased and not settled yet.
pub(super) struct Desk {
    window: usize,
    held: HashMap<Position, Held>,
    lanes: HashMap<Lane, Queue>,
    /// Who may be published right now: rows without a lane, and lanes that have nothing in flight.
    turns: VecDeque<Turn>,
    /// What became of rows, to be written.
    done: Vec<Settled>,
    /// No lease that is held ends before this.
    ends: Option<Instant>,
    /// How many leases there were.
    leases: u64,
    /// Whether there may be rows that can be leased.
    more: bool,
}

struct Held {
    lane: Option<Lane>,
    /// When the lease runs out, by our clock, counted from before it was asked for.
    ends: Instant,
    stage: Stage,
}

enum Stage {
    Waiting(Box<OutboxRow>),
    Flying,
    /// The broker has it, which is not written yet.
    Sent,
    /// Given back, refused or parked, which is not written yet: until it is, nothing behind it is published.
    GivenUp,
}

impl Stage {
    fn is_done(&self) -> bool {
        matches!(self, Self::Sent | Self::GivenUp)
    }
}

/// The rows of one lane, in the order in which they are published.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Position>,
    /// The one row that may be in flight: the next one waits for its confirm.
    flying: Option<Position>,
    /// Rows whose fate is not written yet.
    unwritten: usize,
    /// The lease that brought its last row.
    lease: u64,
}

enum Turn {
    Row(Position),
    Lane(Lane),
}

impl Desk {
    pub(super) fn new(window: u32) -> Self {
        Self {
            window: window as usize,
            held: HashMap::new(),
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            done: Vec::new(),
            ends: None,
            leases: 0,
            more: true,
        }
    }

    /// Whether nothing is in hand, neither to publish nor to write.
    pub(super) fn is_clear(&self) -> bool {
        self.held.is_empty()
    }

    /// How many rows there are to be written.
    pub(super) fn done(&self) -> usize {
        self.done.len()
    }

    /// Says that rows may have been committed or set free.
    pub(super) fn look_again(&mut self) {
        self.more = true;
    }

    /// How many rows to lease now, if any, once `batch` is written.
    pub(super) fn wants(&self, batch: &[Settled]) -> Option<u32> {
        let room = (self.window + batch.len()).saturating_sub(self.held.len());
        (self.more && room > 0 && room * PART_OF_WINDOW >= self.window).then_some(room as u32)
    }

    /// Says that rows are being leased.
    pub(super) fn leases(&mut self) {
        self.more = false;
        self.leases += 1;
    }

    /// Takes the rows that a lease of at most `limit` has brought, in the order of their positions. Lanes in which one is
    /// given up are given back: the database did not know it when it leased them to us.
    pub(super) fn take(&mut self, rows: Vec<OutboxRow>, limit: u32, ends: Instant) {
        self.more |= rows.len() >= limit as usize;
        let stopped: Vec<Lane> = rows.into_iter().filter_map(|row| self.take_row(row, ends)).collect();
        for lane in stopped {
            self.give_back_lane(lane);
        }
    }

    /// Takes a row; its lane if it is given up.
    fn take_row(&mut self, row: OutboxRow, ends: Instant) -> Option<Lane> {
        let (position, lane) = (row.position, row.event.lane());
        match self.held.entry(position) {
            // Our own lease of it had run out, and we got it again: what it is doing, it goes on with.
            Entry::Occupied(mut held) => {
                held.get_mut().ends = ends;
                return lane.filter(|_| matches!(held.get().stage, Stage::GivenUp));
            }
            Entry::Vacant(free) => {
                free.insert(Held { lane, ends, stage: Stage::Waiting(Box::new(row)) });
            }
        }
        self.ends = Some(self.ends.map_or(ends, |earliest| earliest.min(ends)));
        match lane {
            None => self.turns.push_back(Turn::Row(position)),
            Some(lane) => self.queue(lane, position),
        }
        None
    }

    fn queue(&mut self, lane: Lane, position: Position) {
        let queue = self.lanes.entry(lane).or_default();
        queue.lease = self.leases;
        if queue.waiting.is_empty() && queue.flying.is_none() {
            self.turns.push_back(Turn::Lane(lane));
        }
        let at = queue.waiting.partition_point(|before| *before < position);
        queue.waiting.insert(at, position);
    }

    /// The next row to publish; it is in flight from now on. Rows whose lease has run out are given back instead: somebody
    /// else may be publishing them.
    pub(super) fn next(&mut self, now: Instant) -> Option<OutboxRow> {
        while let Some(turn) = self.turns.pop_front() {
            let row = match turn {
                Turn::Row(position) => self.next_row(position, now),
                Turn::Lane(lane) => self.next_of(lane, now),
            };
            if row.is_some() {
                return row;
            }
        }
        None
    }

    fn next_row(&mut self, position: Position, now: Instant) -> Option<OutboxRow> {
        if self.is_lapsed(position, now) {
            self.write(position, Fate::Untouched);
            return None;
        }
        self.fly(position)
    }

    fn next_of(&mut self, lane: Lane, now: Instant) -> Option<OutboxRow> {
        let queue = self.lanes.get(&lane).filter(|queue| queue.flying.is_none())?;
        let head = *queue.waiting.front()?;
        if self.is_lapsed(head, now) {
            self.give_back_lane(lane);
            return None;
        }
        let queue = self.lanes.get_mut(&lane)?;
        queue.waiting.pop_front();
        queue.flying = Some(head);
        self.fly(head)
    }

    fn is_lapsed(&self, position: Position, now: Instant) -> bool {
        self.held.get(&position).is_some_and(|held| held.ends <= now)
    }

    fn fly(&mut self, position: Position) -> Option<OutboxRow> {
        let held = self.held.get_mut(&position)?;
        let Stage::Waiting(row) = std::mem::replace(&mut held.stage, Stage::Flying) else { return None };
        if fault::is_mutant("marks-before-confirm") {
            self.write(position, Fate::Sent);
        }
        Some(*row)
    }

    /// Says what became of a row in flight. Only after a confirm its lane goes on; after anything else the rest of the lane
    /// is given back, because nobody may publish it before this row.
    pub(super) fn landed(&mut self, position: Position, lane: Option<Lane>, fate: Fate) {
        let sent = fate == Fate::Sent;
        self.write(position, fate);
        let Some(lane) = lane else { return };
        let Some(queue) = self.lanes.get_mut(&lane) else { return };
        queue.flying = None;
        if !sent {
            self.give_back_lane(lane);
        } else if !queue.waiting.is_empty() {
            self.turns.push_back(Turn::Lane(lane));
        }
    }

    /// Gives back whatever is not in flight.
    pub(super) fn give_back(&mut self) {
        for turn in std::mem::take(&mut self.turns) {
            if let Turn::Row(position) = turn {
                self.write(position, Fate::Untouched);
            }
        }
        for lane in self.lanes.keys().copied().collect::<Vec<_>>() {
            self.give_back_lane(lane);
        }
    }

    fn give_back_lane(&mut self, lane: Lane) {
        let Some(queue) = self.lanes.get_mut(&lane) else { return };
        for position in std::mem::take(&mut queue.waiting) {
            self.write(position, Fate::Untouched);
        }
    }

    fn write(&mut self, position: Position, fate: Fate) {
        let Some(held) = self.held.get_mut(&position) else { return };
        if held.stage.is_done() {
            return;
        }
        held.stage = if fate == Fate::Sent { Stage::Sent } else { Stage::GivenUp };
        if let Some(queue) = held.lane.and_then(|lane| self.lanes.get_mut(&lane)) {
            queue.unwritten += 1;
        }
        self.done.push(Settled { position, fate });
    }

    /// What is to be written now. It stays in hand until [`written`](Self::written) or [`unwritten`](Self::unwritten).
    pub(super) fn batch(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.done)
    }

    /// Says that a batch is written.
    pub(super) fn written(&mut self, batch: Vec<Settled>) {
        for Settled { position, .. } in batch {
            let lane = self.held.remove(&position).and_then(|held| held.lane);
            if let Some(lane) = lane {
                self.written_in(lane);
            }
        }
    }

    fn written_in(&mut self, lane: Lane) {
        let Entry::Occupied(mut queue) = self.lanes.entry(lane) else { return };
        queue.get_mut().unwritten = queue.get().unwritten.saturating_sub(1);
        let Queue { waiting, flying, unwritten, lease } = queue.get();
        if waiting.is_empty() && flying.is_none() && *unwritten == 0 {
            // No lease since its own could bring rows of this lane.
            self.more |= *lease < self.leases;
            queue.remove();
        }
    }

    /// Says that a batch is not written, or nobody knows: it is tried again, before anything that came after it.
    pub(super) fn unwritten(&mut self, mut batch: Vec<Settled>) {
        batch.append(&mut self.done);
        self.done = batch;
    }

    /// When leases have to be renewed, `ahead` before the first one ends.
    pub(super) fn renew_at(&self, ahead: Duration) -> Option<Instant> {
        let ends = self.ends?;
        Some(ends.checked_sub(ahead).unwrap_or(ends))
    }

    /// The rows whose leases are to be renewed: all that are in flight, and those that wait and are ours still. The others
    /// are given back.
    pub(super) fn renewals(&mut self, now: Instant) -> Vec<Position> {
        let (mut ours, mut lapsed) = (Vec::new(), Vec::new());
        for (position, held) in &self.held {
            match held.stage {
                Stage::Waiting(_) if held.ends <= now => lapsed.push((*position, held.lane)),
                Stage::Waiting(_) | Stage::Flying => ours.push(*position),
                Stage::Sent | Stage::GivenUp => {}
            }
        }
        for (position, lane) in lapsed {
            match lane {
                Some(lane) => self.give_back_lane(lane),
                None => self.write(position, Fate::Untouched),
            }
        }
        self.note_the_first_end();
        ours.retain(|position| self.held.get(position).is_some_and(|held| !held.stage.is_done()));
        ours
    }

    /// Says that leases were renewed.
    pub(super) fn renewed(&mut self, rows: &[Position], ends: Instant) {
        for position in rows {
            if let Some(held) = self.held.get_mut(position) {
                held.ends = ends;
            }
        }
        self.note_the_first_end();
    }

    fn note_the_first_end(&mut self) {
        let held = self.held.values().filter(|held| !held.stage.is_done());
        self.ends = held.map(|held| held.ends).min();
    }
}
