//! Desks by the thousand against a table and a broker of a few lines: whatever happens, a lane is published in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::desk::Desk;
use crate::{
    clock::Instant,
    outbox::{Fate, Lane, OutboxEvent, OutboxRow, Position, Settled},
};

pub(super) const LEASE: Duration = Duration::from_secs(30);
const RELAYS: usize = 3;
const WINDOW: u32 = 6;

pub(super) fn row(position: i64, key: Option<&str>) -> OutboxRow {
    let event = OutboxEvent {
        id: Uuid::from_u128(position as u128),
        event_type: "tested".to_owned(),
        version: 1,
        key: key.map(str::to_owned),
        exchange: None,
        routing_key: "tested".to_owned(),
        headers: "{}".to_owned(),
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        content_type: "application/json".to_owned(),
        data: Bytes::new(),
    };
    OutboxRow { position: Position(position), event, number: None, created_at: 0, refusals: 0 }
}

/// A row of the table, as the contract of the storage describes it.
struct Line {
    row: OutboxRow,
    leased: Option<(usize, Instant)>,
    refused_until: Option<Instant>,
    parked: bool,
    sent: bool,
}

impl Line {
    fn blocks(&self, now: Instant) -> bool {
        let leased = self.leased.is_some_and(|(_, until)| until > now);
        !self.sent && (leased || self.parked || self.refused_until.is_some_and(|until| until > now))
    }
}

#[derive(Default)]
struct Table(BTreeMap<Position, Line>);

impl Table {
    fn insert(&mut self, key: Option<&str>) {
        let row = row(self.0.len() as i64 + 1, key);
        let line = Line { leased: None, refused_until: None, parked: false, sent: false, row };
        self.0.insert(line.row.position, line);
    }

    fn lease(&mut self, relay: usize, now: Instant, limit: u32) -> Vec<OutboxRow> {
        let blocking = self.0.values().filter(|line| line.blocks(now));
        let blocked: BTreeSet<Lane> = blocking.filter_map(|line| line.row.event.lane()).collect();
        let free = self.0.values_mut().filter(|line| !line.sent && !line.blocks(now));
        let free = free.filter(|line| line.row.event.lane().is_none_or(|lane| !blocked.contains(&lane)));
        let leased = free.take(limit as usize).map(|line| {
            line.leased = Some((relay, now + LEASE));
            line.row.clone()
        });
        leased.collect()
    }

    fn renew(&mut self, relay: usize, now: Instant, rows: &[Position]) {
        for position in rows {
            let line = self.0.get_mut(position).expect("a row");
            if line.leased.is_some_and(|(holder, _)| holder == relay) {
                line.leased = Some((relay, now + LEASE));
            }
        }
    }

    fn settle(&mut self, relay: usize, now: Instant, batch: &[Settled]) {
        for Settled { position, fate } in batch {
            let line = self.0.get_mut(position).expect("a row");
            let ours = line.leased.is_some_and(|(holder, _)| holder == relay);
            match fate {
                Fate::Sent => (line.sent, line.leased) = (true, None),
                Fate::Refused { wait, .. } if ours => {
                    (line.refused_until, line.leased) = (Some(now + *wait), None);
                }
                Fate::Parked { .. } if ours => (line.parked, line.leased) = (true, None),
                Fate::Untouched if ours => line.leased = None,
                _ => {}
            }
        }
    }
}

/// What happens next; numbers pick one of what there is.
#[derive(Clone, Debug)]
enum Happens {
    Commit(Option<u8>),
    /// A relay sets off to the database, with what there is to write or without it.
    SetOff(usize, Writes),
    /// The database hears of it, unless it has by then, and the relay is back; either may fail.
    Return(usize, Trip),
    /// The database hears of it, and the answer takes its time.
    Heard(usize),
    Publish(usize),
    Answer(usize, usize, Answer),
    Wait(Duration),
    OutageSeen(usize),
    Crash(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    All,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trip {
    Fine,
    RequestLost,
    ReplyLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Confirm,
    Refusal,
    Poison,
    /// No answer; the message is stored now, later or never.
    Lost(Stored),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Now,
    Later,
    Never,
}

fn happens() -> impl Strategy<Value = Happens> {
    let relay = 0..RELAYS;
    let trip = prop_oneof![8 => Just(Trip::Fine), 1 => Just(Trip::RequestLost), 1 => Just(Trip::ReplyLost)];
    let writes = prop_oneof![3 => Just(Writes::All), 1 => Just(Writes::Nothing)];
    let stored = prop::sample::select(vec![Stored::Now, Stored::Later, Stored::Never]);
    let answer = prop_oneof![
        12 => Just(Answer::Confirm),
        2 => Just(Answer::Refusal),
        1 => Just(Answer::Poison),
        3 => stored.prop_map(Answer::Lost),
    ];
    prop_oneof![
        6 => prop::option::weighted(0.9, 0u8..3).prop_map(Happens::Commit),
        8 => (relay.clone(), writes).prop_map(|(relay, writes)| Happens::SetOff(relay, writes)),
        8 => (relay.clone(), trip).prop_map(|(relay, trip)| Happens::Return(relay, trip)),
        4 => relay.clone().prop_map(Happens::Heard),
        8 => relay.clone().prop_map(Happens::Publish),
        12 => (relay.clone(), 0..64usize, answer).prop_map(|(relay, which, answer)| Happens::Answer(relay, which, answer)),
        3 => (0..40u64).prop_map(|seconds| Happens::Wait(Duration::from_secs(seconds))),
        1 => relay.clone().prop_map(Happens::OutageSeen),
        1 => relay.prop_map(Happens::Crash),
    ]
}

/// A relay on its way to the database and back.
struct Travel {
    begun: Instant,
    batch: Vec<Settled>,
    renew: Vec<Position>,
    limit: Option<u32>,
    /// The rows that were leased, once the database has heard of it.
    heard: Option<Vec<OutboxRow>>,
}

struct World {
    now: Instant,
    table: Table,
    desks: Vec<Desk>,
    travels: Vec<Option<Travel>>,
    flights: Vec<Vec<OutboxRow>>,
    /// Messages without an answer that the broker may still store.
    stray: Vec<OutboxRow>,
    confirmed: BTreeSet<Position>,
    first_seen: Vec<OutboxRow>,
}

impl World {
    fn new() -> Self {
        Self {
            now: Instant::now(),
            table: Table::default(),
            desks: (0..RELAYS).map(|_| Desk::new(WINDOW)).collect(),
            travels: (0..RELAYS).map(|_| None).collect(),
            flights: vec![Vec::new(); RELAYS],
            stray: Vec::new(),
            confirmed: BTreeSet::new(),
            first_seen: Vec::new(),
        }
    }

    fn store(&mut self, row: &OutboxRow) {
        if !self.first_seen.iter().any(|seen| seen.position == row.position) {
            self.first_seen.push(row.clone());
        }
    }

    fn happen(&mut self, what: &Happens) {
        match *what {
            Happens::Commit(key) => self.table.insert(key.map(|key| key.to_string()).as_deref()),
            Happens::SetOff(relay, writes) => self.set_off(relay, writes),
            Happens::Return(relay, trip) => self.come_back(relay, trip),
            Happens::Heard(relay) => self.hear(relay),
            Happens::Publish(relay) => self.publish(relay),
            Happens::Answer(relay, which, answer) => self.answer(relay, which, answer),
            Happens::Wait(time) => self.wait(time),
            Happens::OutageSeen(relay) => self.desks[relay].give_back(),
            Happens::Crash(relay) => {
                (self.desks[relay], self.travels[relay]) = (Desk::new(WINDOW), None);
                let lost = std::mem::take(&mut self.flights[relay]);
                self.stray.extend(lost);
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        for row in std::mem::take(&mut self.stray) {
            self.store(&row);
        }
    }

    fn set_off(&mut self, relay: usize, writes: Writes) {
        if self.travels[relay].is_some() {
            return;
        }
        let (now, desk) = (self.now, &mut self.desks[relay]);
        desk.look_again();
        let due = desk.renew_at(LEASE / 2).is_some_and(|at| at <= now);
        let renew = if due { desk.renewals(now) } else { Vec::new() };
        let batch = if writes == Writes::All { desk.batch() } else { Vec::new() };
        let limit = desk.wants(&batch);
        if limit.is_some() {
            desk.leases();
        }
        self.travels[relay] = Some(Travel { begun: now, batch, renew, limit, heard: None });
    }

    fn hear(&mut self, relay: usize) {
        let Some(travel) = self.travels[relay].as_mut().filter(|travel| travel.heard.is_none()) else {
            return;
        };
        self.table.settle(relay, self.now, &travel.batch);
        self.table.renew(relay, self.now, &travel.renew);
        let leased = travel.limit.map(|limit| self.table.lease(relay, self.now, limit));
        travel.heard = Some(leased.unwrap_or_default());
    }

    fn come_back(&mut self, relay: usize, trip: Trip) {
        if trip != Trip::RequestLost {
            self.hear(relay);
        }
        let Some(Travel { begun, batch, renew, limit, heard }) = self.travels[relay].take() else { return };
        let desk = &mut self.desks[relay];
        let Some(rows) = heard.filter(|_| trip == Trip::Fine) else {
            // Whatever was leased is leased for nobody, until the lease runs out.
            return desk.unwritten(batch);
        };
        desk.written(batch);
        desk.renewed(&renew, begun + LEASE);
        if let Some(limit) = limit {
            desk.take(rows, limit, begun + LEASE);
        }
    }

    fn trip(&mut self, relay: usize) {
        self.come_back(relay, Trip::Fine);
        self.set_off(relay, Writes::All);
        self.come_back(relay, Trip::Fine);
    }

    fn publish(&mut self, relay: usize) {
        while let Some(row) = self.desks[relay].next(self.now) {
            let lane = row.event.lane();
            let rivals = self.flights[relay].iter().filter(|flying| flying.event.lane() == lane);
            assert!(lane.is_none() || rivals.count() == 0, "two of one lane in flight");
            self.flights[relay].push(row);
            assert!(
                self.flights[relay].len() <= WINDOW as usize,
                "more in flight than the window has room for"
            );
        }
    }

    fn answer(&mut self, relay: usize, which: usize, answer: Answer) {
        if self.flights[relay].is_empty() {
            return;
        }
        let which = which % self.flights[relay].len();
        let row = self.flights[relay].remove(which);
        let fate = match answer {
            Answer::Confirm => {
                self.store(&row);
                self.confirmed.insert(row.position);
                Fate::Sent
            }
            Answer::Refusal => Fate::Refused { wait: Duration::from_secs(1), error: String::new() },
            Answer::Poison => Fate::Parked { error: String::new() },
            Answer::Lost(stored) => {
                match stored {
                    Stored::Now => self.store(&row),
                    Stored::Later => self.stray.push(row.clone()),
                    Stored::Never => {}
                }
                Fate::Untouched
            }
        };
        self.desks[relay].landed(row.position, row.event.lane(), fate);
    }

    fn check(&self) {
        let mut last: BTreeMap<Lane, Position> = BTreeMap::new();
        for row in &self.first_seen {
            let Some(lane) = row.event.lane() else { continue };
            let before = last.insert(lane, row.position);
            assert!(
                before.is_none_or(|before| before < row.position),
                "published before an earlier one of its lane"
            );
        }
        for line in self.table.0.values() {
            assert!(!line.sent || self.confirmed.contains(&line.row.position), "sent without a confirm");
        }
    }

    fn is_through(&self) -> bool {
        self.table.0.values().all(|line| line.sent) && self.desks.iter().all(Desk::is_clear)
    }

    /// From now on everything works, and people release what is parked.
    fn calm_down(&mut self) {
        for _ in 0..4 * self.table.0.len() + 4 {
            if self.is_through() {
                return;
            }
            self.wait(LEASE + Duration::from_secs(1));
            self.table.0.values_mut().for_each(|line| line.parked = false);
            for relay in 0..RELAYS {
                self.trip(relay);
                self.publish(relay);
                while !self.flights[relay].is_empty() {
                    self.answer(relay, 0, Answer::Confirm);
                    self.publish(relay);
                }
                self.trip(relay);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_lane_is_published_in_order_and_nothing_is_lost(
        story in prop::collection::vec(happens(), 0..120),
    ) {
        let mut world = World::new();
        for what in &story {
            world.happen(what);
            world.check();
        }
        world.calm_down();
        world.check();
        prop_assert!(world.is_through(), "something is left in the table or stays in hand");
    }
}
