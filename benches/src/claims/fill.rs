//! Fills the claim table, in an order that a database takes quickly and that leaves it as time would have left it.
//!
//! Rows that shall expire come first, one by one in the order of their times: a sweep meets their keys in the order in
//! which events came. The others come in slices, sorted by key within each: a page is written once for a slice and not
//! once for a row, and several slices leave pages as full as random inserts do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::{
    database::{Database, Row},
    ids::Source,
    size,
};

/// Rows that expire, at most; never more than half of the table.
const OLD: u64 = 1_000_000;
/// How long ago those were processed: longer than claims are kept.
const AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A slice is a part of what is to be filled, and no larger than this: it is sorted in memory.
const SLICES: u64 = 4;
const LARGEST_SLICE: u64 = 4_000_000;
/// Rows that the database is given at once.
const PIECE: usize = 20_000;

pub(super) struct Fill {
    source: Source,
    /// How many rows that expire are wanted, and how many are there.
    wanted: u64,
    old: u64,
}

impl Fill {
    /// For a table that gets so many rows in the end.
    pub(super) fn new(source: Source, most: u64) -> Self {
        Self { source, wanted: OLD.min(most / 2), old: 0 }
    }

    /// How many rows that expire are there.
    pub(super) fn old(&self) -> u64 {
        self.old
    }

    /// Adds rows until there are so many, but all that expire at once; `next` is the number of the next event.
    pub(super) async fn up_to<D: Database>(
        &mut self,
        database: &mut D,
        next: &mut u64,
        rows: u64,
    ) -> Result<()> {
        let old = self.wanted - self.old;
        if rows > 0 && old > 0 {
            eprintln!("  adding {} that expire", size::text(old));
            let numbers: Vec<_> = (*next..*next + old).collect();
            self.add(database, &numbers, AGE).await?;
            self.old += old;
            *next += old;
        }
        let slice = slice(rows.saturating_sub(*next));
        while *next < rows {
            let end = (*next + slice).min(rows);
            eprintln!("  adding {}, up to {}", size::text(end - *next), size::text(end));
            self.add(database, &self.by_key(*next, end), Duration::ZERO).await?;
            *next = end;
        }
        Ok(())
    }

    /// Numbers in the order of their keys.
    fn by_key(&self, from: u64, to: u64) -> Vec<u64> {
        let mut keys: Vec<_> = (from..to).map(|number| (self.source.claim(number).key, number)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, number)| number).collect()
    }

    async fn add<D: Database>(&self, database: &mut D, numbers: &[u64], age: Duration) -> Result<()> {
        for piece in numbers.chunks(PIECE) {
            let begun = now_us() - age.as_micros() as i64;
            // One after the other, as the clock would have it.
            let rows = piece.iter().zip(begun..);
            let rows: Vec<_> = rows.map(|(n, at_us)| Row { claim: self.source.claim(*n), at_us }).collect();
            database.add(&rows).await?;
        }
        Ok(())
    }
}

fn slice(rows: u64) -> u64 {
    rows.div_ceil(SLICES).clamp(1, LARGEST_SLICE)
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use consumer_core::inbox::ConsumerId;

    use super::{super::ids::Ids, *};

    #[test]
    fn no_slice_is_larger_than_memory_and_none_is_empty() {
        assert_eq!([0, 1, 9_000_000, 20_000_000].map(slice), [1, 1, 2_250_000, LARGEST_SLICE]);
    }

    #[test]
    fn a_slice_is_sorted_by_key_and_holds_each_number_once() {
        let fill = Fill::new(Source::new(Ids::Text, ConsumerId(1)), 1_000);
        let mut numbers = fill.by_key(100, 300);
        let keys: Vec<_> = numbers.iter().map(|number| fill.source.claim(*number).key).collect();
        assert!(keys.is_sorted());
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(100..300));
    }

    #[test]
    fn at_most_half_of_a_table_expires() {
        let wanted = |most| Fill::new(Source::new(Ids::Uuid4, ConsumerId(1)), most).wanted;
        assert_eq!([0, 100_000, 30_000_000].map(wanted), [0, 50_000, OLD]);
    }
}
