//! The pace of a redrive: so many letters in a second, so that what failed before does not fail of the crowd.

use std::{num::NonZeroU32, time::Duration};

use crate::clock::{self, Instant};

/// At most so many in a second, evenly spread.
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// Without a limit if there is none.
    pub(super) fn of(per_second: Option<NonZeroU32>) -> Self {
        let interval = per_second.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get());
        Self { interval, next: clock::now() }
    }

    /// Waits for the turn of the next letter.
    pub(super) async fn turn(&mut self) {
        let now = clock::now();
        if self.next > now {
            clock::sleep(self.next - now).await;
        }
        self.next = self.next.max(now) + self.interval;
    }
}
