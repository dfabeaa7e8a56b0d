//! A trip to the database: what is written, renewed, leased and counted there, in this order, on one session.

use std::time::Duration;

use crate::{
    clock::{self, Instant},
    outbox::{OutboxRow, Position, Settled, Survey},
    runtime::session::Slot,
    storage::{RelayId, Storage, StorageError},
};

/// What a trip is for.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) settle: Vec<Settled>,
    pub(super) renew: Vec<Position>,
    pub(super) lease: Option<u32>,
    pub(super) survey: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.settle.is_empty() && self.renew.is_empty() && self.lease.is_none() && !self.survey
    }
}

/// A trip that is over, and how far it came: what comes after an error was not tried.
pub(super) struct Trip<S: Storage> {
    pub(super) slot: Slot<S>,
    pub(super) plan: Plan,
    pub(super) settled: bool,
    pub(super) renewed: bool,
    pub(super) rows: Option<Vec<OutboxRow>>,
    pub(super) survey: Option<Survey>,
    /// What was being done, and the error.
    pub(super) error: Option<(&'static str, StorageError)>,
    /// When the leases that were renewed run out, by our clock, which began before the database's.
    pub(super) renewed_until: Instant,
    /// When the leases that were asked for run out, likewise.
    pub(super) leased_until: Instant,
}

/// How leases are asked for.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) relay: RelayId,
    pub(super) lease: Duration,
}

/// Makes a trip. It is never dropped before it is over, unless the session dies with it.
pub(super) async fn make<S: Storage>(storage: S, slot: Slot<S>, plan: Plan, terms: Terms) -> Trip<S> {
    let until = clock::now() + terms.lease;
    let mut trip = Trip {
        slot,
        plan,
        settled: false,
        renewed: false,
        rows: None,
        survey: None,
        error: None,
        renewed_until: until,
        leased_until: until,
    };
    trip.error = go(&storage, &mut trip, terms).await.err();
    if trip.error.is_some() {
        trip.slot.close();
    }
    trip
}

async fn go<S: Storage>(
    storage: &S,
    trip: &mut Trip<S>,
    Terms { relay, lease }: Terms,
) -> Result<(), (&'static str, StorageError)> {
    let doing = |what| move |error| (what, error);
    let session = trip.slot.open().await.map_err(doing("cannot open a session"))?;
    let plan = &trip.plan;
    if !plan.settle.is_empty() {
        let settled = storage.settle_outbox(session, relay, &plan.settle).await;
        settled.map_err(doing("cannot write what became of events"))?;
        trip.settled = true;
    }
    if !plan.renew.is_empty() {
        trip.renewed_until = clock::now() + lease;
        let renewed = storage.renew_outbox(session, relay, lease, &plan.renew).await;
        renewed.map_err(doing("cannot renew the leases of events"))?;
        trip.renewed = true;
    }
    if let Some(limit) = plan.lease {
        trip.leased_until = clock::now() + lease;
        let rows = storage.lease_outbox(session, relay, lease, limit).await;
        trip.rows = Some(rows.map_err(doing("cannot lease events"))?);
    }
    if plan.survey {
        let survey = storage.survey_outbox(session).await;
        trip.survey = Some(survey.map_err(doing("cannot count events"))?);
    }
    Ok(())
}
