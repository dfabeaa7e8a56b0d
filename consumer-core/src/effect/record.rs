//! A row of the ledger: what is known about one effect of one event.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::Intent;

/// How far an effect has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EffectState {
    /// To be called, at its time.
    Planned,
    /// Being called, or the caller has died: its lease tells.
    Started,
    /// Done; its result is replayed.
    Done,
    /// Not done, and not tried again: the provider refused it for good, or it failed as often as it may. A person can
    /// release or resolve it.
    Failed,
    /// Done or not, and not to be repeated blindly. A person can resolve it.
    Unknown,
}

impl EffectState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Planned, Self::Started, Self::Done, Self::Failed, Self::Unknown];

    /// The text used in the table, in listings and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for EffectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The right to call an effect once: its row is `started`, and this is what it said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// What to call; the key and the bytes are those of the first attempt.
    pub intent: Intent,
    /// The fencing token: whoever started it later has a higher one.
    pub fence: i64,
    /// Calls that were made before.
    pub attempts: u32,
    /// Whether one of them has an unknown outcome: the caller died, or could not tell.
    pub uncertain: bool,
    /// How long ago the first call began, by the database's clock; `None` where there was none.
    pub since_first: Option<Duration>,
}

/// Who may call an effect whose result a handler waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// The one who asked.
    Ours(Box<Leased>),
    /// Nobody: it is done, and this is its result.
    Done(Bytes),
    /// Somebody else, whose lease ends after this time: step back and ask again.
    Busy(Duration),
    /// Nobody: it failed, or its outcome is unknown, with what is known about it.
    Closed(EffectState, String),
    /// Nobody: it was done, and another effect has undone it, because its event was dead-lettered.
    Compensated,
    /// Nobody: the row belongs to an event of this id with other data.
    IdReused,
}

/// A row, for people. Its `Debug` form leaves request and result out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectRecord {
    /// What was to be called.
    pub intent: Intent,
    /// How far it has come.
    pub state: EffectState,
    /// Calls that were made.
    pub attempts: u32,
    /// Whether one of them has an unknown outcome.
    pub uncertain: bool,
    /// Whether another effect has undone it.
    pub compensated: bool,
    /// Whether a person has found that it was not done, and is not to be: it waits for nobody any more.
    pub settled: bool,
    /// What it returned.
    pub result: Option<Bytes>,
    /// What the last failure said.
    pub error: Option<String>,
    /// What came too late to count, one line each.
    pub evidence: Option<String>,
    /// How long ago it was written, by the database's clock.
    pub age: Duration,
    /// When it is due; `None` where that is past or never.
    pub due_in: Option<Duration>,
}

impl EffectRecord {
    /// A row that was planned this long ago, and nothing more.
    pub fn planned(intent: Intent, age: Duration) -> Self {
        Self {
            intent,
            state: EffectState::Planned,
            attempts: 0,
            uncertain: false,
            compensated: false,
            settled: false,
            result: None,
            error: None,
            evidence: None,
            age,
            due_in: None,
        }
    }
}

impl fmt::Debug for EffectRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EffectRecord")
            .field("intent", &self.intent)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("uncertain", &self.uncertain)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Which rows to list, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectFilter {
    /// Only those in one of these states, without those that a person has [settled](EffectRecord::settled); all if empty.
    pub states: Vec<EffectState>,
    /// Only this effect.
    pub effect: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl Default for EffectFilter {
    /// What waits for a person, 100 at most.
    fn default() -> Self {
        Self { states: vec![EffectState::Failed, EffectState::Unknown], effect: None, limit: 100 }
    }
}

/// What a person has found out about an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// It was done, with this result as JSON, which is replayed.
    Done(Bytes),
    /// It was not done, and is not to be: it stays failed, and says why.
    NotDone(String),
}

/// How many rows are in which state, and how late the ledger is, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EffectCounts {
    /// To be called.
    pub planned: u64,
    /// Being called.
    pub started: u64,
    /// Failed, and not [settled](EffectRecord::settled) by a person.
    pub failed: u64,
    /// Unknown.
    pub unknown: u64,
    /// For how long the most overdue one of the effects to be called after a commit has been due.
    pub overdue: Duration,
}
