//! The pace of a sweep: short statements and long rests, so that consumers hardly notice.

use std::time::Duration;

/// How many rows a sweep deletes at once, and how long it rests in between, by how long its statements take.
///
/// A database with one writer, such as SQLite, does nothing else while a statement runs; the others hold the locks of its rows.
///
/// ```
/// # use consumer_core::storage::SweepPace;
/// # use std::time::Duration;
/// let mut pace = SweepPace::default();
/// assert_eq!(pace.rows(), 1_000);
/// let rest = pace.took(Duration::from_millis(60));
/// assert_eq!((pace.rows(), rest), (500, Duration::from_millis(120)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepPace {
    rows: u32,
}

impl SweepPace {
    /// Rows at once, at most.
    pub const MOST: u32 = 1_000;
    /// Rows at once, at least.
    pub const FEWEST: u32 = 50;
    /// How long a statement is to take at most.
    pub const STATEMENT: Duration = Duration::from_millis(20);
    /// How long a sweep rests, in times of what the last statement took.
    pub const REST: u32 = 2;

    /// How many rows the next statement deletes.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Notes how long a statement took; how long to rest before the next.
    pub fn took(&mut self, took: Duration) -> Duration {
        if took > Self::STATEMENT {
            self.rows = (self.rows / 2).max(Self::FEWEST);
        } else if took < Self::STATEMENT / 4 {
            self.rows = (self.rows * 2).min(Self::MOST);
        }
        took * Self::REST
    }
}

impl Default for SweepPace {
    fn default() -> Self {
        Self { rows: Self::MOST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_statement_makes_the_next_one_shorter_and_a_fast_one_longer() {
        let mut pace = SweepPace::default();
        let mut after = |took: Duration, times| {
            (0..times).for_each(|_| _ = pace.took(took));
            pace.rows()
        };
        assert_eq!(after(SweepPace::STATEMENT * 2, 10), SweepPace::FEWEST);
        assert_eq!(after(SweepPace::STATEMENT / 2, 1), SweepPace::FEWEST, "that is as it should be");
        assert_eq!(after(SweepPace::STATEMENT / 8, 10), SweepPace::MOST);
    }
}
