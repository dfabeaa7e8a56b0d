//! The failure records of the storage in memory, by tokio's clock.

use std::{collections::HashMap, time::Duration};

use super::memory_store::{MemorySession, MemoryStore, Step};
use crate::{
    clock::{self, Instant},
    effect::LONGEST,
    failure::{FailureRecord, FailureState, FailureSurvey, News, RunnerId},
    inbox::ConsumerId,
    message::{ClaimKey, Reason},
    storage::{FailureStorage, StorageError, Swept},
};

type Key = (ConsumerId, ClaimKey);

/// The records, and the marks of messages that are run.
#[derive(Default)]
pub(super) struct Failures {
    records: HashMap<Key, Row>,
    runs: HashMap<Key, Run>,
}

struct Row {
    record: FailureRecord,
    first: Instant,
    last: Instant,
    not_before: Option<Instant>,
}

struct Run {
    runner: RunnerId,
    deaths: u32,
    begun: Instant,
}

impl Row {
    fn read(&self) -> FailureRecord {
        let left = self.not_before.map(|at| at.saturating_duration_since(clock::now()));
        FailureRecord {
            first_failed: self.first.elapsed(),
            last_failed: self.last.elapsed(),
            not_before: left.filter(|left| !left.is_zero()),
            ..self.record.clone()
        }
    }

    /// Whether nobody needs it any more.
    fn is_over(&self, processed: bool, retention: Duration, keep: Duration) -> bool {
        let troubled = matches!(self.record.reason, Some(Reason::TransactionEnded | Reason::IdReused));
        let age = self.last.elapsed();
        (processed && !troubled) || (age > retention && self.record.state != FailureState::Dead) || age > keep
    }
}

impl Failures {
    /// How many messages are marked as run.
    pub(super) fn marks(&self) -> usize {
        self.runs.len()
    }

    fn record(&mut self, key: Key, news: &News<'_>) -> FailureRecord {
        let now = clock::now();
        let before = self.records.remove(&key);
        let first = before.as_ref().map_or(now, |row| row.first);
        let record = FailureRecord::after(before.map(|row| row.read()), news);
        let not_before = record.not_before.and_then(|wait| now.checked_add(wait.min(LONGEST)));
        let row = self.records.entry(key).or_insert(Row { record, first, last: now, not_before });
        row.read()
    }

    fn reset(&mut self, key: &Key) -> bool {
        let Some(Row { record, not_before, .. }) = self.records.get_mut(key) else { return false };
        *not_before = None;
        record.generation += 1;
        (record.attempts, record.delays) = (0, 0);
        (record.state, record.reason, record.not_before) = (FailureState::Redriven, None, None);
        true
    }

    fn survey(&self, consumer: ConsumerId) -> FailureSurvey {
        let mut survey = FailureSurvey::default();
        for (_, row) in self.records.iter().filter(|(key, _)| key.0 == consumer) {
            match row.record.state {
                FailureState::Delayed => survey.delayed += 1,
                FailureState::Dead => {
                    survey.dead += 1;
                    survey.oldest_dead = survey.oldest_dead.max(row.last.elapsed());
                }
                FailureState::Redriven => {}
            }
        }
        survey
    }

    fn mark(&mut self, key: Key, runner: RunnerId, alone: bool) -> u32 {
        let begun = clock::now();
        let run = self.runs.entry(key).or_insert(Run { runner, deaths: 0, begun });
        let is_death = run.runner != runner && ![run.runner, runner].contains(&RunnerId::NOBODY);
        run.deaths += u32::from(is_death);
        run.runner = if alone || run.deaths == 0 { runner } else { RunnerId::NOBODY };
        run.begun = begun;
        run.deaths
    }
}

impl FailureStorage for MemoryStore {
    async fn record_failure(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        key: ClaimKey,
        news: &News<'_>,
    ) -> Result<FailureRecord, StorageError> {
        self.check(Step::RecordFailure)?;
        Ok(self.state().failures.record((consumer, key), news))
    }

    async fn find_failure(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<FailureRecord>, StorageError> {
        self.check(Step::FindFailure)?;
        Ok(self.state().failures.records.get(&(consumer, key)).map(Row::read))
    }

    async fn reset_failure(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(self.state().failures.reset(&(consumer, key)))
    }

    async fn resolve_failure(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(self.state().failures.records.remove(&(consumer, key)).is_some())
    }

    async fn survey_failures(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
    ) -> Result<FailureSurvey, StorageError> {
        Ok(self.state().failures.survey(consumer))
    }

    async fn sweep_failures(
        &self,
        retention: Duration,
        keep: Duration,
        batch: u32,
    ) -> Result<Swept, StorageError> {
        let state = &mut *self.state();
        state.failures.runs.retain(|_, run| run.begun.elapsed() <= retention);
        let over = |(key, row): (&Key, &Row)| {
            row.is_over(state.claims.is_processed(key), retention, keep).then_some(*key)
        };
        let over: Vec<Key> = state.failures.records.iter().filter_map(over).take(batch as usize).collect();
        over.iter().for_each(|key| drop(state.failures.records.remove(key)));
        Ok(Swept { rows: over.len() as u64, more: over.len() == batch as usize })
    }

    async fn mark_run(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        message: ClaimKey,
        runner: RunnerId,
        alone: bool,
    ) -> Result<u32, StorageError> {
        self.check(Step::MarkRun)?;
        Ok(self.state().failures.mark((consumer, message), runner, alone))
    }

    async fn clear_run(
        &self,
        _: &mut MemorySession,
        consumer: ConsumerId,
        message: ClaimKey,
    ) -> Result<(), StorageError> {
        self.check(Step::ClearRun)?;
        self.state().failures.runs.remove(&(consumer, message));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::failure_suite;

    #[tokio::test(start_paused = true)]
    async fn conformance() {
        failure_suite(async || {
            let store = MemoryStore::new();
            [store.clone(), store]
        })
        .await;
    }
}
