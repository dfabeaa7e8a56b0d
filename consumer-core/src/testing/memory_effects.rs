//! The effect ledger of the storage in memory, on tokio's clock.

use std::{collections::HashMap, time::Duration};

use super::{
    MemorySession, MemoryStore,
    memory_store::{Fault, Step},
};
use crate::{
    clock::{self, Instant},
    departures::Departures,
    effect::{
        Asked, ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, EffectRow, EffectState, Ending,
        Intent, LONGEST, Leased, MAX_EVIDENCE, Moment, Outcome, RELEASED, RESOLVED, Recorded, Right,
        error_text,
    },
    inbox::ConsumerId,
    message::ClaimKey,
    storage::{EffectStorage, StorageError, Swept},
};

/// The rows.
#[derive(Default)]
pub(super) struct Ledger {
    rows: HashMap<EffectId, Row>,
    written: u64,
}

struct Row {
    /// In which order they were written.
    number: u64,
    record: EffectRecord,
    fence: i64,
    created_at: Instant,
    /// When it is to be called, or when its lease ends; never, where nobody is to call it.
    due_at: Option<Instant>,
    first_started_at: Option<Instant>,
    /// When it was done, or settled by a person.
    finished_at: Option<Instant>,
}

impl Ledger {
    /// Writes what is not there yet; what is there is to be called after the commit from now on.
    pub(super) fn write(&mut self, intents: &[Intent]) {
        intents.iter().for_each(|intent| self.plan(intent).record.intent.moment = Moment::After);
    }

    fn plan(&mut self, intent: &Intent) -> &mut Row {
        self.rows.entry(intent.id).or_insert_with(|| {
            self.written += 1;
            let now = clock::now();
            Row {
                number: self.written,
                record: EffectRecord::planned(intent.clone(), Duration::ZERO),
                fence: 0,
                created_at: now,
                due_at: Some(now),
                first_started_at: None,
                finished_at: None,
            }
        })
    }

    /// The row that `fence` has the right to end.
    fn held(&mut self, id: EffectId, fence: i64) -> Option<&mut Row> {
        let row = self.rows.get_mut(&id)?;
        (row.record.state == EffectState::Started && row.fence == fence).then_some(row)
    }

    /// The row, if a person can release or resolve it: it waits, or the lease of its caller has run out.
    fn by_hand(&mut self, id: EffectId) -> Option<&mut Row> {
        self.rows.get_mut(&id).filter(|row| match row.record.state {
            EffectState::Planned | EffectState::Failed | EffectState::Unknown => true,
            EffectState::Started => row.due_at.is_some_and(|due| due <= clock::now()),
            EffectState::Done => false,
        })
    }

    /// The row, unless it is in none of these states.
    fn found(&mut self, id: EffectId, states: &[EffectState]) -> Option<&mut Row> {
        self.rows.get_mut(&id).filter(|row| states.contains(&row.record.state))
    }

    /// Has them swept once the retention is over.
    pub(super) fn used(&mut self, event: (ConsumerId, ClaimKey)) {
        for row in self.rows.values_mut() {
            let Intent { consumer, event: of, .. } = row.record.intent;
            if (consumer, of) == event && row.is_before() && row.record.state == EffectState::Done {
                row.finished_at = Some(clock::now());
            }
        }
    }

    pub(super) fn none_is_compensated(&self, effects: &[EffectId]) -> bool {
        effects.iter().filter_map(|id| self.rows.get(id)).all(|row| !row.record.compensated)
    }

    /// Rows in the order in which they were written.
    fn select(&self, wanted: impl Fn(&Row) -> bool) -> Vec<EffectRecord> {
        let mut rows: Vec<_> = self.rows.values().filter(|row| wanted(row)).collect();
        rows.sort_by_key(|row| row.number);
        rows.into_iter().map(|row| row.read().record).collect()
    }
}

impl Row {
    /// As it is now.
    fn read(&self) -> EffectRow {
        let now = clock::now();
        let due_in = self.due_at.map(|due| due.saturating_duration_since(now));
        EffectRow {
            record: EffectRecord {
                age: now - self.created_at,
                due_in: due_in.filter(|wait| !wait.is_zero()),
                ..self.record.clone()
            },
            fence: self.fence,
            since_first: self.first_started_at.map(|first| now - first),
        }
    }

    fn start(&mut self, leased: &Leased, lease: Duration) {
        let now = clock::now();
        self.record.state = EffectState::Started;
        self.record.attempts = leased.attempts;
        self.record.uncertain = leased.uncertain;
        self.fence = leased.fence;
        self.due_at = Some(now + lease.min(LONGEST));
        self.first_started_at.get_or_insert(now);
    }

    fn end(&mut self, ending: &Ending) {
        let now = clock::now();
        let Outcome { state, result, error, wait, uncertain, called } = ending.outcome();
        self.record.state = state;
        self.record.attempts += u32::from(called);
        self.record.uncertain = uncertain.unwrap_or(self.record.uncertain);
        self.record.result = result.cloned();
        if let Some(error) = error {
            self.record.error = Some(error_text(error).into_owned());
        }
        self.due_at = (state == EffectState::Planned).then(|| now + wait);
        if self.record.attempts == 0 {
            self.first_started_at = None;
        }
        self.finished_at = (state == EffectState::Done && !self.is_before()).then_some(now);
    }

    /// Whether it is finished only once its event has used it.
    fn is_before(&self) -> bool {
        self.record.intent.moment == Moment::Before
    }

    fn end_late(&mut self, fence: i64, ending: &Ending) -> Recorded {
        if self.read().is_ended_by(fence, ending) {
            return Recorded::Accepted;
        }
        if let Some(line) = ending.evidence(fence) {
            self.note(&line);
        }
        Recorded::TooLate
    }

    fn note(&mut self, line: &str) {
        let evidence = self.record.evidence.get_or_insert_default();
        if evidence.len() + line.len() < MAX_EVIDENCE {
            evidence.push_str(line);
            evidence.push('\n');
        }
    }

    fn is_due(&self, effects: &[&str]) -> bool {
        let Intent { moment, effect, .. } = &self.record.intent;
        *moment == Moment::After
            && self.due_at.is_some_and(|due| due <= clock::now())
            && effects.contains(&effect.as_str())
    }
}

impl EffectStorage for MemoryStore {
    async fn start_effect(
        &self,
        _: &mut MemorySession,
        intent: &Intent,
        lease: Duration,
    ) -> Result<Right, StorageError> {
        self.check(Step::StartEffect)?;
        let mut state = self.state();
        let row = state.ledger.plan(intent);
        Ok(match row.read().ask(intent) {
            Asked::Start(leased) => {
                row.start(&leased, lease);
                Right::Ours(leased)
            }
            Asked::Leave(right) => right,
        })
    }

    async fn lease_effects(
        &self,
        _: &mut MemorySession,
        effects: &[&str],
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        self.check(Step::LeaseEffects)?;
        let mut state = self.state();
        let mut due: Vec<_> = state.ledger.rows.values_mut().filter(|row| row.is_due(effects)).collect();
        due.sort_by_key(|row| (row.due_at, row.number));
        let start = |row: &mut Row| {
            let leased = row.read().start();
            row.start(&leased, lease);
            leased
        };
        Ok(due.into_iter().take(limit as usize).map(start).collect())
    }

    async fn renew_effect(
        &self,
        _: &mut MemorySession,
        id: EffectId,
        fence: i64,
        lease: Duration,
    ) -> Result<bool, StorageError> {
        self.check(Step::RenewEffect)?;
        let mut state = self.state();
        let held = state.ledger.held(id, fence);
        Ok(held.map(|row| row.due_at = Some(clock::now() + lease.min(LONGEST))).is_some())
    }

    async fn finish_effect(
        &self,
        _: &mut MemorySession,
        id: EffectId,
        fence: i64,
        ending: &Ending,
        departures: &Departures,
    ) -> Result<Recorded, StorageError> {
        let fault = self.strikes(Step::FinishEffect);
        if let Some(fault) = fault.filter(|fault| *fault != Fault::ReplyLost) {
            return Err(fault.into());
        }
        let mut state = self.state();
        let recorded = match state.ledger.held(id, fence) {
            Some(row) => {
                row.end(ending);
                state.send_away(departures);
                Recorded::Accepted
            }
            None => {
                state.ledger.rows.get_mut(&id).map_or(Recorded::TooLate, |row| row.end_late(fence, ending))
            }
        };
        fault.map_or(Ok(recorded), |fault| Err(fault.into()))
    }

    async fn effects_of(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        event: ClaimKey,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(self.state().ledger.select(|row| {
            let intent = &row.record.intent;
            intent.moment == Moment::Before && intent.consumer == consumer && intent.event == event
        }))
    }

    async fn compensate_effect(
        &self,
        _: &mut MemorySession,
        id: EffectId,
        departures: &Departures,
    ) -> Result<bool, StorageError> {
        let event = |row: &Row| (row.record.intent.consumer, row.record.intent.event);
        let Some(event) = self.state().ledger.rows.get(&id).map(event) else { return Ok(false) };
        Ok(self
            .once_settled(event, |state, processed| {
                let done = state.ledger.found(id, &[EffectState::Done]);
                let Some(row) = done.filter(|row| !row.record.compensated && !processed) else {
                    return false;
                };
                row.record.compensated = true;
                state.send_away(departures);
                true
            })
            .await)
    }

    async fn list_effects(
        &self,
        _: &mut MemorySession,
        filter: &EffectFilter,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        let EffectFilter { states, effect, limit } = filter;
        let mut listed = self.state().ledger.select(|row| {
            let record = &row.record;
            let of_these = states.contains(&record.state) && !record.settled;
            (states.is_empty() || of_these)
                && effect.as_ref().is_none_or(|name| *name == record.intent.effect)
        });
        listed.truncate(*limit as usize);
        Ok(listed)
    }

    async fn find_effect(
        &self,
        _: &mut MemorySession,
        id: EffectId,
    ) -> Result<Option<EffectRecord>, StorageError> {
        Ok(self.state().ledger.rows.get(&id).map(|row| row.read().record))
    }

    async fn resolve_effect(
        &self,
        _: &mut MemorySession,
        id: EffectId,
        found: &ByHand,
    ) -> Result<bool, StorageError> {
        let mut state = self.state();
        let Some(row) = state.ledger.by_hand(id) else { return Ok(false) };
        row.due_at = None;
        row.finished_at = Some(clock::now());
        match found {
            ByHand::Done(result) => {
                row.finished_at = row.finished_at.filter(|_| !row.is_before());
                row.record.state = EffectState::Done;
                row.record.settled = false;
                row.record.result = Some(result.clone());
            }
            ByHand::NotDone(why) => {
                row.record.state = EffectState::Failed;
                row.record.settled = true;
                row.record.error = Some(error_text(why).into_owned());
            }
        }
        row.note(RESOLVED);
        Ok(true)
    }

    async fn release_effect(&self, _: &mut MemorySession, id: EffectId) -> Result<bool, StorageError> {
        let mut state = self.state();
        let Some(row) = state.ledger.by_hand(id) else { return Ok(false) };
        row.due_at = Some(clock::now());
        row.first_started_at = None;
        row.finished_at = None;
        row.record.state = EffectState::Planned;
        row.record.attempts = 0;
        row.record.uncertain = false;
        row.record.settled = false;
        row.note(RELEASED);
        Ok(true)
    }

    async fn count_effects(&self, _: &mut MemorySession) -> Result<EffectCounts, StorageError> {
        let (state, now) = (self.state(), clock::now());
        let mut counts = EffectCounts::default();
        for row in state.ledger.rows.values().filter(|row| row.finished_at.is_none()) {
            match row.record.state {
                EffectState::Planned => counts.planned += 1,
                EffectState::Started => counts.started += 1,
                EffectState::Failed => counts.failed += 1,
                EffectState::Unknown => counts.unknown += 1,
                EffectState::Done => {}
            }
            let due = row.due_at.filter(|_| row.record.intent.moment == Moment::After);
            let overdue = due.map(|due| now.saturating_duration_since(due)).unwrap_or_default();
            counts.overdue = counts.overdue.max(overdue);
        }
        Ok(counts)
    }

    async fn sweep_effects(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        let (mut state, now) = (self.state(), clock::now());
        let is_old = |row: &Row| row.finished_at.is_some_and(|finished| now - finished > retention);
        let rows = &mut state.ledger.rows;
        let mut old: Vec<_> = rows.iter().filter(|(_, row)| is_old(row)).collect();
        old.sort_by_key(|(_, row)| row.finished_at);
        let old: Vec<EffectId> = old.into_iter().take(batch as usize).map(|(id, _)| *id).collect();
        rows.retain(|id, _| !old.contains(id));
        let rows = old.len() as u64;
        Ok(Swept { rows, more: rows == u64::from(batch) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::effect_suite;

    #[tokio::test(start_paused = true)]
    async fn conformance() {
        effect_suite(async || {
            let store = MemoryStore::new();
            [store.clone(), store]
        })
        .await;
    }
}
