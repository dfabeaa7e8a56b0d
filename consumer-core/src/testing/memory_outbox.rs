//! The outbox of the storage in memory, on tokio's clock.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use uuid::Uuid;

use super::{
    MemorySession, MemoryStore,
    memory_store::{Fault, Step},
};
use crate::{
    clock::{self, Instant},
    effect::error_text,
    outbox::{Fate, Filter, Lane, Listed, OutboxEvent, OutboxRow, Position, Settled, Standing, Survey},
    storage::{OutboxStorage, RelayId, StorageError, Swept},
};

/// When each row says that it was written: there is no wall clock in memory.
const CREATED_AT: u64 = 1_700_000_000;

/// The tables.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<Position, Row>,
    numbers: HashMap<Lane, i64>,
    drawn: i64,
}

struct Row {
    row: OutboxRow,
    lane: Option<Lane>,
    created_at: Instant,
    held: Option<Held>,
    parked: bool,
    error: Option<String>,
    sent_at: Option<Instant>,
    discarded_at: Option<Instant>,
}

struct Held {
    until: Instant,
    /// Who leases it; nobody, where it was refused and waits.
    by: Option<RelayId>,
}

impl Table {
    /// Writes events with their numbers and positions.
    pub(super) fn write(&mut self, events: &[OutboxEvent]) {
        for event in events {
            self.drawn += 1;
            let number = event.lane().map(|lane| {
                let number = self.numbers.entry(lane).or_default();
                *number += 1;
                *number
            });
            let position = Position(self.drawn);
            let row =
                OutboxRow { position, event: event.clone(), number, created_at: CREATED_AT, refusals: 0 };
            self.rows.insert(position, Row::new(row));
        }
    }

    fn unsent(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| row.is_unsent())
    }

    fn lease(&mut self, relay: RelayId, lease: Duration, limit: u32) -> Vec<OutboxRow> {
        let now = clock::now();
        let blocked: HashSet<Lane> =
            self.unsent().filter(|row| row.is_held(now)).filter_map(|row| row.lane).collect();
        let is_free = |row: &&mut Row| {
            row.is_unsent() && !row.is_held(now) && row.lane.is_none_or(|lane| !blocked.contains(&lane))
        };
        let free = self.rows.values_mut().filter(is_free).take(limit as usize);
        free.map(|row| row.hold(now + lease, Some(relay))).collect()
    }

    fn settle(&mut self, relay: RelayId, settled: &Settled) {
        let Some(row) = self.rows.get_mut(&settled.position) else { return };
        let now = clock::now();
        if settled.fate == Fate::Sent {
            row.sent_at.get_or_insert(now);
            row.held = None;
        } else if row.is_unsent() && row.held.as_ref().and_then(|held| held.by) == Some(relay) {
            row.settle(&settled.fate, now);
        }
    }

    /// The row, if it was refused or is parked.
    fn stuck(&mut self, id: Uuid) -> Option<&mut Row> {
        let now = clock::now();
        let stuck = |row: &&mut Row| {
            row.row.event.id == id && matches!(row.standing(now), Standing::Refused | Standing::Parked)
        };
        self.rows.values_mut().find(stuck)
    }

    fn listed(&self, row: &Row, now: Instant) -> Listed {
        let waits = |other: &&Row| {
            row.lane.is_some() && other.lane == row.lane && other.row.position > row.row.position
        };
        let behind = if row.is_unsent() { self.unsent().filter(waits).count() } else { 0 };
        let age = now - row.created_at;
        Listed::new(row.row.clone(), row.standing(now), row.error.clone(), age, behind as u64)
    }

    fn list(&self, wanted: impl Fn(&Listed) -> bool) -> impl Iterator<Item = Listed> {
        let now = clock::now();
        self.rows.values().map(move |row| self.listed(row, now)).filter(wanted)
    }

    fn survey(&self) -> Survey {
        let now = clock::now();
        Survey {
            unsent: self.unsent().count() as u64,
            parked: self.unsent().filter(|row| row.parked).count() as u64,
            oldest: self.unsent().map(|row| now - row.created_at).max().unwrap_or_default(),
        }
    }

    fn sweep(&mut self, keep: Duration, batch: u32) -> Swept {
        let now = clock::now();
        let is_old = |row: &Row| row.sent_at.or(row.discarded_at).is_some_and(|at| now - at > keep);
        let old = self.rows.iter().filter(|(_, row)| is_old(row)).map(|(position, _)| *position);
        let old: Vec<_> = old.take(batch as usize).collect();
        for position in &old {
            self.rows.remove(position);
        }
        Swept { rows: old.len() as u64, more: old.len() == batch as usize }
    }
}

impl Row {
    fn new(row: OutboxRow) -> Self {
        Self {
            lane: row.event.lane(),
            row,
            created_at: clock::now(),
            held: None,
            parked: false,
            error: None,
            sent_at: None,
            discarded_at: None,
        }
    }

    fn is_unsent(&self) -> bool {
        self.sent_at.is_none() && self.discarded_at.is_none()
    }

    /// Whether it keeps its lane from being leased.
    fn is_held(&self, now: Instant) -> bool {
        self.parked || self.held.as_ref().is_some_and(|held| held.until > now)
    }

    fn hold(&mut self, until: Instant, by: Option<RelayId>) -> OutboxRow {
        self.held = Some(Held { until, by });
        self.row.clone()
    }

    fn settle(&mut self, fate: &Fate, now: Instant) {
        self.held = None;
        match fate {
            Fate::Refused { wait, error } => {
                self.row.refusals += 1;
                self.error = Some(error_text(error).into_owned());
                self.hold(now + *wait, None);
            }
            Fate::Parked { error } => {
                self.error = Some(error_text(error).into_owned());
                self.parked = true;
            }
            Fate::Sent | Fate::Untouched => {}
        }
    }

    fn standing(&self, now: Instant) -> Standing {
        let leased = self.held.as_ref().is_some_and(|held| held.by.is_some() && held.until > now);
        match self {
            Self { sent_at: Some(_), .. } => Standing::Sent,
            Self { discarded_at: Some(_), .. } => Standing::Discarded,
            Self { parked: true, .. } => Standing::Parked,
            _ if self.row.refusals > 0 && !leased => Standing::Refused,
            _ => Standing::Waiting,
        }
    }
}

impl MemoryStore {
    /// Writes events to the outbox, as a transaction outside any handler would.
    pub fn publish_all(&self, events: &[OutboxEvent]) {
        self.state().outbox.write(events);
    }

    /// How many rows of the outbox are to be published still, parked ones included.
    pub fn unsent(&self) -> usize {
        self.state().outbox.unsent().count()
    }

    /// Every row of the outbox that was not swept, in the order of the commits.
    pub fn written(&self) -> Vec<Listed> {
        self.state().outbox.list(|_| true).collect()
    }
}

impl OutboxStorage for MemoryStore {
    async fn lease_outbox(
        &self,
        _: &mut MemorySession,
        relay: RelayId,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StorageError> {
        self.check(Step::LeaseOutbox)?;
        Ok(self.state().outbox.lease(relay, lease, limit))
    }

    async fn renew_outbox(
        &self,
        _: &mut MemorySession,
        relay: RelayId,
        lease: Duration,
        rows: &[Position],
    ) -> Result<(), StorageError> {
        self.check(Step::RenewOutbox)?;
        let until = clock::now() + lease;
        let mut state = self.state();
        for position in rows {
            let held = state.outbox.rows.get_mut(position).and_then(|row| row.held.as_mut());
            if let Some(held) = held.filter(|held| held.by == Some(relay)) {
                held.until = until;
            }
        }
        Ok(())
    }

    async fn settle_outbox(
        &self,
        _: &mut MemorySession,
        relay: RelayId,
        rows: &[Settled],
    ) -> Result<(), StorageError> {
        let fault = self.strikes(Step::SettleOutbox);
        if matches!(fault, None | Some(Fault::ReplyLost)) {
            let mut state = self.state();
            rows.iter().for_each(|settled| state.outbox.settle(relay, settled));
        }
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }

    async fn survey_outbox(&self, _: &mut MemorySession) -> Result<Survey, StorageError> {
        self.check(Step::SurveyOutbox)?;
        Ok(self.state().outbox.survey())
    }

    async fn list_outbox(&self, _: &mut MemorySession, filter: &Filter) -> Result<Vec<Listed>, StorageError> {
        let is_wanted = |listed: &Listed| {
            let standing = filter.standings.is_empty() || filter.standings.contains(&listed.standing);
            standing && filter.id.is_none_or(|id| id == listed.row.event.id)
        };
        Ok(self.state().outbox.list(is_wanted).take(filter.limit as usize).collect())
    }

    async fn release_outbox(&self, _: &mut MemorySession, id: Uuid) -> Result<bool, StorageError> {
        let mut state = self.state();
        let Some(row) = state.outbox.stuck(id) else { return Ok(false) };
        row.held = None;
        row.parked = false;
        row.error = None;
        row.row.refusals = 0;
        Ok(true)
    }

    async fn discard_outbox(&self, _: &mut MemorySession, id: Uuid) -> Result<bool, StorageError> {
        let mut state = self.state();
        let Some(row) = state.outbox.stuck(id) else { return Ok(false) };
        row.held = None;
        row.discarded_at = Some(clock::now());
        Ok(true)
    }

    async fn sweep_outbox(&self, keep: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(self.state().outbox.sweep(keep, batch))
    }

    async fn announce(&self) -> Result<(), StorageError> {
        self.announcements().notify_waiters();
        Ok(())
    }

    async fn announced(&self, woken: impl Fn() + Send + Sync) -> Result<(), StorageError> {
        loop {
            let announced = self.announcements().notified();
            woken();
            announced.await;
        }
    }
}
