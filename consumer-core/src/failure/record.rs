//! The record of an event's failures, and the decision that counts one more.

use std::time::Duration;

use crate::{classify::Class, effect::error_text, message::Reason, printable};

/// The longest id and the longest type of a row, in bytes: strangers choose them.
pub const MAX_TEXT: usize = 1_024;

/// What becomes of an event whose failures are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureState {
    /// `delayed`: a copy waits on a rung of the ladder.
    Delayed,
    /// `dead`: it is in the dead-letter queue.
    Dead,
    /// `redriven`: it went back to its queue, with its counts at zero.
    Redriven,
}

impl FailureState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delayed, Self::Dead, Self::Redriven];

    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delayed => "delayed",
            Self::Dead => "dead",
            Self::Redriven => "redriven",
        }
    }

    /// The state of this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The next rung of a ladder of so many, or the dead-letter queue after the last; not tried before `not_before` has
    /// passed, which an error may ask for.
    Rung {
        /// The rungs of the ladder.
        rungs: u32,
        /// The shortest wait that the error asks for.
        not_before: Option<Duration>,
    },
    /// The dead-letter queue.
    Dead(Reason),
}

/// A failure about to be counted.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// Attempts since the row was written last, this failure's included.
    pub attempts: u32,
    /// The class of the last one.
    pub class: Class,
    /// Its error with all its causes; a row holds it cut to [`MAX_ERROR`](crate::effect::MAX_ERROR).
    pub error: &'a str,
    /// What it asks for.
    pub wanted: Wanted,
    /// The id of the event, for people; empty where nobody could read it. A row holds it on one line, without control
    /// characters, cut to [`MAX_TEXT`].
    pub event_id: &'a str,
    /// The type of the event, for people, likewise.
    pub event_type: &'a str,
}

/// A row of `event_failures`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRecord {
    /// How often it was redriven, plus one.
    pub generation: u32,
    /// Attempts that were counted in this generation.
    pub attempts: u32,
    /// Rungs that it has waited on in this generation, the present one included.
    pub delays: u32,
    /// Where it is.
    pub state: FailureState,
    /// Why it is dead.
    pub reason: Option<Reason>,
    /// The class of its last failure.
    pub class: String,
    /// The error of its last failure.
    pub error: String,
    /// How long it must still not be tried, because its error asked for that; `None` if it may be.
    pub not_before: Option<Duration>,
    /// How long ago it failed first, over all generations.
    pub first_failed: Duration,
    /// How long ago it failed last.
    pub last_failed: Duration,
    /// The id of the event.
    pub event_id: String,
    /// The type of the event.
    pub event_type: String,
}

impl FailureRecord {
    /// The row after one more failure: what a storage writes, after it has locked the row that it read.
    ///
    /// Times are the storage's part: `first_failed` is kept or begins now, `last_failed` is now, `not_before` counts from
    /// now.
    #[must_use]
    pub fn after(before: Option<Self>, news: &News<'_>) -> Self {
        let known = before.unwrap_or_else(Self::unknown);
        let (state, delays, reason, not_before) = known.next(news);
        Self {
            attempts: known.attempts.saturating_add(news.attempts),
            delays,
            state,
            reason,
            not_before,
            class: news.class.as_str().to_owned(),
            error: error_text(news.error).into_owned(),
            last_failed: Duration::ZERO,
            event_id: told(news.event_id, known.event_id),
            event_type: told(news.event_type, known.event_type),
            ..known
        }
    }

    fn next(&self, news: &News<'_>) -> (FailureState, u32, Option<Reason>, Option<Duration>) {
        match news.wanted {
            Wanted::Dead(reason) => (FailureState::Dead, self.delays, Some(reason), None),
            Wanted::Rung { rungs, .. } if self.delays >= rungs => {
                (FailureState::Dead, self.delays, Some(Reason::AttemptsExhausted), None)
            }
            Wanted::Rung { not_before, .. } => (FailureState::Delayed, self.delays + 1, None, not_before),
        }
    }

    fn unknown() -> Self {
        Self {
            generation: 1,
            attempts: 0,
            delays: 0,
            state: FailureState::Delayed,
            reason: None,
            class: String::new(),
            error: String::new(),
            not_before: None,
            first_failed: Duration::ZERO,
            last_failed: Duration::ZERO,
            event_id: String::new(),
            event_type: String::new(),
        }
    }
}

/// What a failure tells of its event, or what was told before.
fn told(news: &str, known: String) -> String {
    if news.is_empty() { known } else { printable::plain(news, MAX_TEXT) }
}

/// How many events of a consumer have failed and are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureSurvey {
    /// Those that wait on the ladder.
    pub delayed: u64,
    /// Those that are dead.
    pub dead: u64,
    /// How long ago the oldest dead one failed last; zero where there is none.
    pub oldest_dead: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(wanted: Wanted) -> News<'static> {
        News {
            attempts: 3,
            class: Class::Transient,
            error: "no such\0account",
            wanted,
            event_id: "e",
            event_type: "paid",
        }
    }

    const RUNG: Wanted = Wanted::Rung { rungs: 2, not_before: None };

    #[test]
    fn each_failure_takes_the_next_rung_and_the_one_after_the_last_is_dead() {
        let first = FailureRecord::after(None, &news(RUNG));
        assert_eq!((first.state, first.delays, first.attempts), (FailureState::Delayed, 1, 3));
        let second = FailureRecord::after(Some(first), &news(RUNG));
        assert_eq!((second.state, second.delays, second.attempts), (FailureState::Delayed, 2, 6));
        let third = FailureRecord::after(Some(second), &news(RUNG));
        assert_eq!((third.state, third.delays, third.attempts), (FailureState::Dead, 2, 9));
        assert_eq!(third.reason, Some(Reason::AttemptsExhausted));
        assert_eq!(third.error, "no such account");
    }

    #[test]
    fn without_a_ladder_the_first_failure_is_the_last() {
        let only = FailureRecord::after(None, &news(Wanted::Rung { rungs: 0, not_before: None }));
        assert_eq!((only.state, only.reason), (FailureState::Dead, Some(Reason::AttemptsExhausted)));
    }

    #[test]
    fn a_permanent_failure_is_dead_at_once_and_keeps_what_was_counted() {
        let before = FailureRecord { generation: 4, ..FailureRecord::after(None, &news(RUNG)) };
        let dead = FailureRecord::after(
            Some(before),
            &News { event_id: "", event_type: "", ..news(Wanted::Dead(Reason::Permanent)) },
        );
        assert_eq!((dead.state, dead.attempts, dead.generation), (FailureState::Dead, 6, 4));
        assert_eq!((dead.event_id.as_str(), dead.event_type.as_str()), ("e", "paid"));
    }

    #[test]
    fn a_wait_that_an_error_asks_for_is_kept() {
        let minute = Duration::from_secs(60);
        let wanted = Wanted::Rung { rungs: 1, not_before: Some(minute) };
        assert_eq!(FailureRecord::after(None, &news(wanted)).not_before, Some(minute));
    }

    #[test]
    fn what_strangers_have_written_fits_any_row() {
        let (id, error) = ("🦀".repeat(MAX_TEXT), "ü".repeat(50_000));
        let news = News { event_id: &id, event_type: "paid\0\u{1b}[31m\n", error: &error, ..news(RUNG) };
        let row = FailureRecord::after(None, &news);
        assert!(row.event_id.len() <= MAX_TEXT && row.event_id.ends_with("bytes cut]"), "{}", row.event_id);
        assert_eq!((row.event_type.as_str(), row.error.len()), ("paid ", crate::effect::MAX_ERROR));
    }

    #[test]
    fn a_state_is_read_as_it_is_written() {
        assert!(FailureState::ALL.iter().all(|state| FailureState::parse(state.as_str()) == Some(*state)));
        assert_eq!(FailureState::parse("gone"), None);
    }
}
