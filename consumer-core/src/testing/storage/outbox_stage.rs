//! What every case about the outbox needs: events, relays, and a look at the rows.

use std::time::Duration;

use uuid::Uuid;

use super::{
    SuiteStorage,
    stage::{Process, Session, in_time},
};
use crate::{
    departures::Departures,
    outbox::{Fate, Filter, Lane, Listed, OutboxEvent, OutboxRow, Position, Settled, Standing},
    storage::{Commit, OutboxStorage, RelayId, Storage},
};

/// A lease that no case waits for.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// A lease that has run out a moment later.
pub(super) const SHORT: Duration = Duration::from_millis(50);

/// More than any case writes.
pub(super) const ALL: u32 = 10_000;

/// An event of a key.
pub(super) fn of(key: &str) -> OutboxEvent {
    OutboxEvent { key: Some(key.to_owned()), ..keyless() }
}

/// An event of no order.
pub(super) fn keyless() -> OutboxEvent {
    OutboxEvent {
        id: Uuid::now_v7(),
        event_type: "order.placed".to_owned(),
        version: 1,
        key: None,
        exchange: None,
        routing_key: "order.placed".to_owned(),
        headers: "{}".to_owned(),
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        content_type: "application/json".to_owned(),
        data: b"{}".as_slice().into(),
    }
}

/// Keys and numbers, which tell rows apart in a message.
pub(super) fn names(rows: &[OutboxRow]) -> Vec<String> {
    let name = |row: &OutboxRow| {
        format!("{}{}", row.event.key.as_deref().unwrap_or("-"), row.number.unwrap_or_default())
    };
    rows.iter().map(name).collect()
}

impl<S: SuiteStorage> Process<'_, S> {
    /// Commits a unit that sends events away.
    pub(super) async fn try_publish(&self, session: &mut Session<S>, events: Vec<OutboxEvent>) -> Commit {
        let (tx, _) = self.claim(session, &Uuid::new_v4().to_string()).await;
        let departures = Departures { events, intents: Vec::new() };
        in_time("a commit", self.store.commit(tx, &departures)).await
    }

    /// The same in a session of its own, where nothing is wrong with it.
    pub(super) async fn publish(&self, events: impl IntoIterator<Item = OutboxEvent>) {
        let mut session = self.open().await;
        let end = self.try_publish(&mut session, events.into_iter().collect()).await;
        assert!(matches!(end, Commit::Done), "events can be written: {end:?}");
    }

    /// All rows, as people see them.
    pub(super) async fn rows(&self) -> Vec<Listed> {
        let mut session = self.open().await;
        let all = Filter { standings: Vec::new(), id: None, limit: ALL };
        in_time("the rows", self.store.list_outbox(&mut session, &all)).await.expect("rows can be listed")
    }

    /// The state of one row.
    pub(super) async fn standing(&self, id: Uuid) -> Option<Standing> {
        self.rows().await.into_iter().find(|row| row.row.event.id == id).map(|row| row.standing)
    }

    /// Asserts that within each lane numbers count from 1 and positions rise with them.
    pub(super) async fn assert_ordered(&self) -> usize {
        let rows = self.rows().await;
        let lanes: std::collections::BTreeSet<Lane> =
            rows.iter().filter_map(|row| row.row.event.lane()).collect();
        for lane in lanes {
            let of_lane = rows.iter().filter(|row| row.row.event.lane() == Some(lane));
            let numbers: Vec<i64> = of_lane.filter_map(|row| row.row.number).collect();
            let expected: Vec<i64> = (1..=numbers.len() as i64).collect();
            assert_eq!(numbers, expected, "by position, the numbers of a lane count from 1 without a gap");
        }
        rows.len()
    }
}

/// One relay with a session of its own.
pub(super) struct Relay<'a, S: SuiteStorage> {
    store: &'a S::Store,
    session: Session<S>,
    id: RelayId,
}

impl<'a, S: SuiteStorage> Relay<'a, S> {
    pub(super) async fn of(process: &'a Process<'_, S>) -> Self {
        Self { store: &process.store, session: process.open().await, id: RelayId::random() }
    }

    pub(super) async fn lease(&mut self, lease: Duration, limit: u32) -> Vec<OutboxRow> {
        let leased = self.store.lease_outbox(&mut self.session, self.id, lease, limit);
        let rows = in_time("a lease", leased).await.expect("rows can be leased");
        assert!(rows.is_sorted_by_key(|row| row.position), "rows come in the order of their positions");
        rows
    }

    pub(super) async fn renew(&mut self, rows: &[OutboxRow]) {
        let rows: Vec<Position> = rows.iter().map(|row| row.position).collect();
        let renewed = self.store.renew_outbox(&mut self.session, self.id, LONG, &rows);
        in_time("a renewal", renewed).await.expect("a lease can be renewed");
    }

    pub(super) async fn settle(&mut self, rows: &[OutboxRow], fate: &Fate) {
        let rows: Vec<_> = rows.iter().map(|row| (row, fate.clone())).collect();
        self.settle_each(&rows).await;
    }

    pub(super) async fn settle_each(&mut self, rows: &[(&OutboxRow, Fate)]) {
        let settled =
            |(row, fate): &(&OutboxRow, Fate)| Settled { position: row.position, fate: fate.clone() };
        let rows: Vec<Settled> = rows.iter().map(settled).collect();
        let written = self.store.settle_outbox(&mut self.session, self.id, &rows);
        in_time("a settlement", written).await.expect("what became of rows can be written");
    }

    pub(super) async fn release(&mut self, id: Uuid) -> bool {
        in_time("a release", self.store.release_outbox(&mut self.session, id)).await.expect("a release works")
    }

    pub(super) async fn discard(&mut self, id: Uuid) -> bool {
        in_time("a discard", self.store.discard_outbox(&mut self.session, id)).await.expect("a discard works")
    }
}

/// A refusal.
pub(super) fn refused(wait: Duration) -> Fate {
    Fate::Refused { wait, error: "no queue is bound".to_owned() }
}

/// A row that no broker takes.
pub(super) fn parked() -> Fate {
    Fate::Parked { error: "a header is too long".to_owned() }
}
