//! A pass of the sweeper over the pages of the claim table.
//!
//! No index says which claims are old: every claim would pay for it. All processes together make one pass, whose place is in
//! the database; whoever sweeps goes on where another has stopped. A claim that a pass does not meet, because the table was
//! rewritten or the place was lost, is met by the next.

use std::time::Duration;

use sqlx::{PgConnection, SqlStr};

use super::statements::Statements;
use crate::tables::Tables;

/// A table of at most so many pages (8 MB) is read whole, at each sweep: that takes some 10 ms. A larger one is read in passes.
const SMALL: i64 = 1_000;
/// Pages that one statement reads, at least: some 3 ms, less than the way to the database and back. Reading holds nobody up,
/// unlike deleting.
const FEWEST: i64 = 250;
/// From the beginning of a pass to that of the next, at least, as a part of the retention: so much longer may claims stay.
const PERIOD: f64 = 0.01;

pub(super) struct PassStatements {
    look: SqlStr,
    begin: SqlStr,
    go_on: SqlStr,
}

impl PassStatements {
    pub(super) fn new(tables: &Tables) -> Self {
        Self {
            look: tables.sql(include_str!("pass/look.sql")),
            begin: tables.sql(include_str!("pass/begin.sql")),
            go_on: tables
                .sql("UPDATE {schema}{prefix}sweeps SET next_page = $1 WHERE name = 'processed_events'"),
        }
    }
}

/// What is known of the last pass.
pub(super) struct Pass {
    /// How many the table has.
    pages: i64,
    /// Where to go on; `None` where it is over.
    next: Option<i64>,
    /// How long ago it began, in seconds. A clock that was set back makes it negative.
    age_s: Option<f64>,
}

/// Pages that one statement reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Where to go on once nothing old is left in them; `None` where the table ends.
    pub(super) next: Option<i64>,
    pub(super) place: Place,
}

/// Where a stretch is in its pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In none: it is the whole of a small table.
    Alone,
    /// At its beginning.
    First,
    Later,
}

impl Pass {
    /// The pages to read now, as many as rows may go, as both take about as long; `None` where the next pass has time.
    pub(super) fn stretch(&self, retention: Duration, batch: u32) -> Option<Stretch> {
        if self.pages <= SMALL {
            return Some(Stretch { from: 0, to: self.pages, next: None, place: Place::Alone });
        }
        let (from, place) = match self.next {
            Some(page) => (page, Place::Later),
            None if self.is_long_ago(retention) => (0, Place::First),
            None => return None,
        };
        let to = from + i64::from(batch).max(FEWEST);
        Some(Stretch { from, to, next: (to < self.pages).then_some(to), place })
    }

    /// By the retention of now, which may have been another then.
    fn is_long_ago(&self, retention: Duration) -> bool {
        let period = retention.as_secs_f64() * PERIOD;
        self.age_s.is_none_or(|age| !(0.0..period).contains(&age))
    }
}

/// Asks how far the pass has come.
pub(super) async fn look(sql: &Statements, conn: &mut PgConnection) -> Result<Pass, sqlx::Error> {
    let (pages, next, age_s) = sqlx::query_as(sql.pass.look.clone()).fetch_one(conn).await?;
    Ok(Pass { pages, next, age_s })
}

/// Notes where to go on.
pub(super) async fn note(
    sql: &Statements,
    conn: &mut PgConnection,
    place: Place,
    next: Option<i64>,
) -> Result<(), sqlx::Error> {
    let note = match place {
        Place::Alone => return Ok(()),
        Place::First => &sql.pass.begin,
        Place::Later => &sql.pass.go_on,
    };
    sqlx::query(note.clone()).bind(next).execute(conn).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    const PERIOD_S: f64 = 6_048.0;
    const LARGE: i64 = 5_000;

    fn stretch(pages: i64, next: Option<i64>, age_s: Option<f64>) -> Option<Stretch> {
        Pass { pages, next, age_s }.stretch(WEEK, 500)
    }

    #[test]
    fn a_small_table_is_read_whole_whatever_was_noted() {
        for (next, age_s) in [(None, None), (Some(700), Some(1.0)), (None, Some(1.0))] {
            let whole = Stretch { from: 0, to: SMALL, next: None, place: Place::Alone };
            assert_eq!(stretch(SMALL, next, age_s), Some(whole));
        }
        assert!(stretch(SMALL + 1, None, Some(1.0)).is_none());
    }

    #[test]
    fn a_pass_begins_in_time_and_when_the_clock_makes_no_sense() {
        for age_s in [None, Some(PERIOD_S), Some(-1.0), Some(-1e9), Some(1e9)] {
            let first = Stretch { from: 0, to: 500, next: Some(500), place: Place::First };
            assert_eq!(stretch(LARGE, None, age_s), Some(first), "{age_s:?}");
        }
        for age_s in [0.0, PERIOD_S - 1.0] {
            assert_eq!(stretch(LARGE, None, Some(age_s)), None, "{age_s}");
        }
    }

    #[test]
    fn a_retention_that_was_shortened_counts_at_once() {
        let pass = Pass { pages: LARGE, next: None, age_s: Some(60.0) };
        assert_eq!(pass.stretch(WEEK, 500), None);
        assert!(pass.stretch(Duration::from_secs(3_600), 500).is_some());
    }

    #[test]
    fn a_pass_ends_where_the_table_ends_now() {
        for (from, next) in [(4_499, Some(4_999)), (4_500, None), (4_950, None), (90_000, None)] {
            let later = Stretch { from, to: from + 500, next, place: Place::Later };
            assert_eq!(stretch(LARGE, Some(from), Some(1.0)), Some(later));
        }
    }

    #[test]
    fn a_slow_pace_does_not_make_a_pass_endless() {
        let pass = Pass { pages: LARGE, next: Some(7), age_s: None };
        let next = |batch| pass.stretch(WEEK, batch).and_then(|stretch| stretch.next);
        assert_eq!((next(0), next(50), next(1_000)), (Some(257), Some(257), Some(1_007)));
    }
}
