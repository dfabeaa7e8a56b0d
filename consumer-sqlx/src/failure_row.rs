//! A failure record as its columns hold it.

use consumer_core::{
    failure::{FailureRecord, FailureState, FailureSurvey},
    message::Reason,
};

use crate::effect_row::micros;

/// How often a record is read and written anew where others write it at the same time: each of them is done after one.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) const TRIES: usize = 10;

/// What the statements of all databases select, under these names.
pub(crate) struct Columns {
    pub(crate) generation: i32,
    pub(crate) attempts: i32,
    pub(crate) delays: i32,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) class: String,
    pub(crate) error: String,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) not_before_us: Option<i64>,
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
}

/// Reads [`Columns`] from a row of any driver.
macro_rules! columns {
    ($row:expr, $($column:ident)*) => {
        $crate::failure_row::Columns { $($column: sqlx::Row::try_get($row, stringify!($column))?),* }
    };
    ($row:expr) => {
        $crate::failure_row::columns!($row,
            generation attempts delays state reason class error event_id event_type not_before_us first_us last_us)
    };
}
pub(crate) use columns;

impl Columns {
    /// The record. A newer version may have written a state or a reason that this one does not know: whatever they mean, the
    /// event is not to be tried again by itself.
    pub(crate) fn read(self) -> FailureRecord {
        FailureRecord {
            generation: count(self.generation),
            attempts: count(self.attempts),
            delays: count(self.delays),
            state: FailureState::parse(&self.state).unwrap_or(FailureState::Dead),
            reason: self.reason.as_deref().and_then(Reason::parse),
            class: self.class,
            error: self.error,
            not_before: self.not_before_us.map(micros).filter(|left| !left.is_zero()),
            first_failed: micros(self.first_us),
            last_failed: micros(self.last_us),
            event_id: self.event_id,
            event_type: self.event_type,
        }
    }
}

/// How many events are where, as the statements of all databases count them.
pub(crate) struct Counts {
    pub(crate) delayed: i64,
    pub(crate) dead: i64,
    pub(crate) oldest_us: Option<i64>,
}

impl Counts {
    pub(crate) fn read(self) -> FailureSurvey {
        let count = |number| u64::try_from(number).unwrap_or(0);
        FailureSurvey {
            delayed: count(self.delayed),
            dead: count(self.dead),
            oldest_dead: self.oldest_us.map(micros).unwrap_or_default(),
        }
    }
}

/// A count as a column holds it.
pub(crate) fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count of a column.
pub(crate) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Why it is dead, as a parameter.
pub(crate) fn reason(record: &FailureRecord) -> Option<&'static str> {
    record.reason.map(Reason::as_str)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(state: &str, reason: Option<&str>) -> FailureRecord {
        let columns = Columns {
            generation: 2,
            attempts: -1,
            delays: 3,
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
            class: "quantum".to_owned(),
            error: String::new(),
            event_id: String::new(),
            event_type: String::new(),
            not_before_us: Some(-5),
            first_us: 7,
            last_us: -7,
        };
        columns.read()
    }

    #[test]
    fn what_a_newer_version_has_written_is_dead_for_no_reason() {
        let row = row("parked", Some("bored"));
        assert_eq!((row.state, row.reason, row.class.as_str()), (FailureState::Dead, None, "quantum"));
    }

    #[test]
    fn what_a_clock_that_went_back_makes_negative_is_nothing() {
        let row = row("delayed", None);
        assert_eq!((row.attempts, row.not_before, row.last_failed), (0, None, Duration::ZERO));
        assert_eq!(row.state, FailureState::Delayed);
    }

    #[test]
    fn a_count_of_any_size_is_kept_as_the_largest() {
        assert_eq!((number(u32::MAX), count(number(7))), (i32::MAX, 7));
    }
}
