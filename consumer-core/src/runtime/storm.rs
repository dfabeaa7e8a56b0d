//! Whether duplicates are to be expected.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Duplicates seldom come alone: a publisher sends its backlog again, or a consumer has died with its prefetch in hand.
///
/// After one, the next event is looked up before anything is begun for it: one round trip where a transaction takes five to
/// claim, fail, and be undone. A look that finds nothing has cost that trip, decides nothing, and ends the storm if the event
/// turns out to be new.
#[derive(Default)]
pub(super) struct Storm(AtomicBool);

impl Storm {
    /// Whether the last event that came to an end was a duplicate.
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Relaxed)
    }

    pub(super) fn goes_on(&self, is_duplicate: bool) {
        if self.is_on() != is_duplicate {
            self.0.store(is_duplicate, Relaxed);
        }
    }
}
