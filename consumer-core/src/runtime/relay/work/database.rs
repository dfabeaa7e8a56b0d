//! The database side: when to set off, and what a trip has brought.

use std::time::Duration;

use super::{
    super::trip::{self, Plan, Trip},
    Outage, Work,
};
use crate::{
    broker::Broker,
    classify::{Class, walk},
    clock::{self, Instant},
    error::Chain,
    fault,
    outbox::{Fate, OutboxRow, Settled, Survey},
    retry::{conflict_wait, outage_wait},
    storage::{Storage, StorageError},
};

/// How often the outbox is counted.
const BETWEEN_SURVEYS: Duration = Duration::from_secs(5);
/// Less than this part of the window is not written while publishes are in flight, until [`LINGER`] is over.
const FEW: usize = 8;
/// How long confirmed rows wait for others at most.
const LINGER: Duration = Duration::from_millis(5);
/// How soon a relay looks again that was woken and found nothing: somebody else had the rows' lanes in hand.
const SECOND_LOOK: Duration = Duration::from_millis(50);
impl<S: Storage, B: Broker> Work<S, B> {
    /// Sets off to the database, if there is something to do there and nobody is on the way.
    pub(super) fn set_off(&mut self, now: Instant) {
        if self.travel.is_some() || self.database.lasts(now) {
            return;
        }
        let plan = self.plan(now);
        if plan.is_empty() {
            return;
        }
        if plan.settle.iter().any(|settled| settled.fate == Fate::Sent) {
            fault::kill_point("K11");
        }
        let Some(slot) = self.slot.take() else { return };
        self.travel = Some(Box::pin(trip::make(self.relay.storage.clone(), slot, plan, self.terms)));
    }

    fn plan(&mut self, now: Instant) -> Plan {
        let due = self.desk.renew_at(self.terms.lease / 2).is_some_and(|at| at <= now);
        let renew = if due { self.desk.renewals(now) } else { Vec::new() };
        let settle = if self.is_worth_a_trip(now) { self.desk.batch() } else { Vec::new() };
        let survey = self.survey_at <= now;
        if survey {
            self.survey_at = now + BETWEEN_SURVEYS;
        }
        Plan { lease: self.lease(&settle, now), settle, renew, survey }
    }

    /// Whether to write what there is: at once when nothing else is going on, else a few rows at a time. Each trip is a
    /// commit, and nobody waits for this one.
    fn is_worth_a_trip(&mut self, now: Instant) -> bool {
        let few = self.desk.done() * FEW < self.relay.config.window as usize;
        if self.desk.done() == 0 || self.flights.is_empty() || !few {
            self.write_at = None;
            return true;
        }
        let due = *self.write_at.get_or_insert(now + LINGER) <= now;
        if due {
            self.write_at = None;
        }
        due
    }

    fn lease(&mut self, settle: &[Settled], now: Instant) -> Option<u32> {
        if !self.takes_publishes(now) || self.is_drained(now) {
            return None;
        }
        if self.look_at <= now {
            self.desk.look_again();
            self.look_at = now + self.relay.config.poll.mul_f64(0.75 + fastrand::f64() / 2.0);
        }
        let room = self.desk.wants(settle)?;
        self.desk.leases();
        Some(room)
    }

    pub(super) fn come_back(&mut self, trip: Trip<S>) {
        let Trip { slot, plan, settled, renewed, rows, survey, error, renewed_until, leased_until } = trip;
        self.travel = None;
        self.slot = Some(slot);
        match settled {
            true => self.desk.written(plan.settle),
            false => self.desk.unwritten(plan.settle),
        }
        if renewed {
            self.desk.renewed(&plan.renew, renewed_until);
        }
        match (plan.lease, rows) {
            (Some(limit), Some(rows)) => self.take(rows, limit, leased_until),
            (Some(_), None) => self.desk.look_again(),
            _ => {}
        }
        if let Some(survey) = survey {
            self.surveyed(survey);
        }
        match error {
            Some((doing, error)) => self.database_failed(doing, &error),
            None => self.database_answers(),
        }
    }

    fn take(&mut self, rows: Vec<OutboxRow>, limit: u32, leased_until: Instant) {
        let woken = std::mem::take(&mut self.woken);
        if !rows.is_empty() {
            fault::kill_point("K9");
        } else if woken {
            self.look_at = self.look_at.min(clock::now() + SECOND_LOOK);
        }
        self.desk.take(rows, limit, leased_until);
    }

    fn surveyed(&self, survey: Survey) {
        self.relay.vitals.surveyed(survey);
        self.instruments.surveyed(survey);
    }

    fn database_answers(&mut self) {
        if self.database.failures > 0 {
            self.relay.vitals.database(None);
        }
        self.database = Outage::default();
    }

    /// What was confirmed stays in hand until the database can be told.
    fn database_failed(&mut self, doing: &str, error: &StorageError) {
        let error: &(dyn std::error::Error + 'static) = error.as_ref();
        let class = walk(error, |link| self.relay.storage.classify(link)).unwrap_or(Class::ServerAway);
        let failures = self.database.failures;
        let wait = match class {
            Class::Conflict => conflict_wait(failures, fastrand::f64()),
            _ => outage_wait(failures, fastrand::f64()),
        };
        self.database = Outage { failures: failures.saturating_add(1), until: Some(clock::now() + wait) };
        let complaint = format!("{doing}: {}: {}", class.as_str(), Chain(error));
        match class {
            Class::Conflict => tracing::debug!("outbox: {complaint}"),
            _ => {
                tracing::warn!(wait_ms = wait.as_millis() as u64, "outbox: {complaint}");
                self.relay.vitals.database(Some(complaint));
            }
        }
        if let Some(survey) = self.relay.vitals.survey() {
            self.instruments.surveyed(survey);
        }
    }
}
