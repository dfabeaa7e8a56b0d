//! The vitals of a relay: how the outbox is doing, and what is in the relay's way.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::verdict::Trouble;
use crate::{
    clock::{self, Instant},
    outbox::Survey,
};

/// How long a refusal is named after it happened: longer than the longest wait before the row is tried again.
const MEMORY: Duration = Duration::from_secs(90);

/// Read by health, written by the relay.
#[derive(Default)]
pub(in crate::runtime) struct OutboxVitals(Mutex<State>);

#[derive(Default)]
struct State {
    survey: Option<(Survey, Instant)>,
    database: Option<String>,
    broker: Option<String>,
    refused: Option<(Trouble, String, Instant)>,
    overdue: Option<Duration>,
}

impl OutboxVitals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says from which age on an event is overdue.
    pub(super) fn starts(&self, overdue: Duration) {
        self.state().overdue = Some(overdue);
    }

    /// Notes how the outbox is doing.
    pub(super) fn surveyed(&self, survey: Survey) {
        self.state().survey = Some((survey, clock::now()));
    }

    /// Says why the database is of no use; `None` when it is again.
    pub(super) fn database(&self, complaint: Option<String>) {
        self.state().database = complaint;
    }

    /// Says why the relay publishes nothing; `None` when it does again.
    pub(super) fn broker(&self, complaint: Option<String>) {
        self.state().broker = complaint;
    }

    /// Notes that a row was not taken.
    pub(super) fn refused(&self, trouble: Trouble, error: &str) {
        self.state().refused = Some((trouble, error.to_owned(), clock::now()));
    }

    /// What was counted last. The age of the oldest event has gone on since then.
    pub(in crate::runtime) fn survey(&self) -> Option<Survey> {
        let (survey, at) = self.state().survey?;
        let oldest = if survey.unsent > 0 { survey.oldest + at.elapsed() } else { Duration::ZERO };
        Some(Survey { oldest, ..survey })
    }

    /// Everything that keeps the relay from its work.
    pub(in crate::runtime) fn complaints(&self) -> Vec<String> {
        let state = self.state();
        let all = [&state.database, &state.broker];
        all.into_iter().flatten().map(|complaint| format!("outbox: {complaint}")).collect()
    }

    /// Everything that needs a look, although the relay works.
    pub(in crate::runtime) fn warnings(&self) -> Vec<String> {
        let survey = self.survey().unwrap_or_default();
        let state = self.state();
        let mut warnings = Vec::new();
        if survey.parked > 0 {
            warnings.push(format!(
                "outbox: {} parked events wait for a person, and later events of their keys with them; release or discard \
                 them",
                survey.parked
            ));
        }
        if state.overdue.is_some_and(|overdue| survey.oldest > overdue) {
            warnings.push(format!(
                "outbox: the oldest of {} unsent events is {} s old",
                survey.unsent,
                survey.oldest.as_secs()
            ));
        }
        let refused = state.refused.as_ref().filter(|(.., at)| survey.unsent > 0 && at.elapsed() < MEMORY);
        if let Some((trouble, error, _)) = refused {
            warnings.push(format!("outbox: an event was not taken ({error}); {}", trouble.remedy()));
        }
        warnings
    }
}
