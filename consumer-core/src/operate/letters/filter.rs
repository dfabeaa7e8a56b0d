//! A filter: which letters of a dead-letter queue are meant.

use std::time::Duration;

use uuid::Uuid;

use crate::message::{ClaimKey, Letter};

/// Which letters of a dead-letter queue are meant; all of them by default.
///
/// A letter has to meet every field; within one, any of its values. What a letter does not say of itself meets none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only these: each by the id of its event, or by its [key](super::Listed::key), with or without hyphens.
    pub ids: Vec<String>,
    /// Only those with one of these reasons.
    pub reasons: Vec<String>,
    /// Only events of one of these types.
    pub event_types: Vec<String>,
    /// Only those whose error is of one of these classes.
    pub classes: Vec<String>,
    /// Only those of one of these consumers.
    pub consumers: Vec<String>,
    /// Only those that have been dead for longer than this, and those that do not say when they died.
    pub older_than: Option<Duration>,
    /// Only those that have been dead for less than this.
    pub younger_than: Option<Duration>,
    /// At most so many, the first in the queue.
    pub limit: Option<u64>,
}

impl LetterFilter {
    /// One letter, by the id of its event or by its key.
    pub fn of(id: impl Into<String>) -> Self {
        Self { ids: vec![id.into()], ..Self::default() }
    }

    /// Whether a letter is one of them, at this time since the Unix epoch; the limit aside.
    pub fn matches(&self, letter: &Letter, key: ClaimKey, now: Duration) -> bool {
        let age = letter.age(now);
        self.names(letter, key)
            && is_any(&self.reasons, letter.reason.as_ref())
            && is_any(&self.event_types, letter.event_type.as_ref())
            && is_any(&self.classes, letter.class.as_ref())
            && is_any(&self.consumers, letter.consumer.as_ref())
            && self.older_than.is_none_or(|limit| age.is_none_or(|age| age > limit))
            && self.younger_than.is_none_or(|limit| age.is_some_and(|age| age < limit))
    }

    fn names(&self, letter: &Letter, key: ClaimKey) -> bool {
        let is_key = |id: &String| Uuid::try_parse(id).is_ok_and(|id| id == key.as_uuid());
        self.ids.is_empty() || self.ids.iter().any(|id| Some(id) == letter.id.as_ref() || is_key(id))
    }
}

fn is_any(wanted: &[String], said: Option<&String>) -> bool {
    wanted.is_empty() || said.is_some_and(|said| wanted.contains(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn key() -> ClaimKey {
        ClaimKey::from_bytes([0xab; 16])
    }

    fn letter() -> Letter {
        let text = |text: &str| Some(text.to_owned());
        Letter {
            id: text("evt-1"),
            reason: text("permanent"),
            event_type: text("paid"),
            class: text("transient"),
            consumer: text("ledger"),
            dead_at: Some(NOW - DAY),
            ..Letter::default()
        }
    }

    fn matches(filter: &LetterFilter) -> bool {
        filter.matches(&letter(), key(), NOW)
    }

    #[test]
    fn every_field_has_to_be_met() {
        let of = |value: &str| vec!["other".to_owned(), value.to_owned()];
        let all = LetterFilter {
            ids: of("evt-1"),
            reasons: of("permanent"),
            event_types: of("paid"),
            classes: of("transient"),
            consumers: of("ledger"),
            older_than: Some(DAY / 2),
            younger_than: Some(2 * DAY),
            limit: Some(1),
        };
        assert!(matches(&all) && matches(&LetterFilter::default()));
        let others = vec!["other".to_owned()];
        for unmet in [
            LetterFilter { ids: others.clone(), ..all.clone() },
            LetterFilter { reasons: others.clone(), ..all.clone() },
            LetterFilter { event_types: others.clone(), ..all.clone() },
            LetterFilter { classes: others.clone(), ..all.clone() },
            LetterFilter { consumers: others, ..all.clone() },
            LetterFilter { older_than: Some(DAY), ..all.clone() },
            LetterFilter { younger_than: Some(DAY), ..all },
        ] {
            assert!(!matches(&unmet), "{unmet:?}");
        }
    }

    #[test]
    fn a_letter_is_named_by_its_key_too() {
        let plain = "ab".repeat(16);
        assert!(matches(&LetterFilter::of(&plain)) && matches(&LetterFilter::of(key().to_string())));
        assert!(!matches(&LetterFilter::of("cd".repeat(16))));
    }

    #[test]
    fn a_letter_that_does_not_say_when_it_died_counts_as_old() {
        let old = LetterFilter { older_than: Some(DAY), ..LetterFilter::default() };
        let young = LetterFilter { younger_than: Some(Duration::MAX), ..LetterFilter::default() };
        assert!(
            old.matches(&Letter::default(), key(), NOW) && !young.matches(&Letter::default(), key(), NOW)
        );
    }
}
