//! The spread of one rung: copies that leave together come back one after the other.

use std::time::Duration;

/// The room for it: a rung's delay, and up to a quarter more.
const ROOM: u32 = 4;
/// How many copies that leave in one moment come back at different times.
const COPIES: u32 = 256;

/// When copies come back from one wait queue.
///
/// A wait queue lets out its messages in their order: one that is due early waits behind one that is due late. So no copy
/// is due before the one that left before it, and the jitter is in the gaps between them.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// When the last copy is due, since the beginning.
    due: Duration,
}

impl Spread {
    /// How long the next copy waits: at least `delay`, at most a quarter more. `now` counts from any beginning; `jitter`
    /// is between 0 and 1.
    pub(crate) fn next(&mut self, now: Duration, delay: Duration, jitter: f64) -> Duration {
        let (earliest, room) = (now.saturating_add(delay), delay / ROOM);
        let gap = (room / COPIES).saturating_mul(2).mul_f64(jitter.clamp(0.0, 1.0));
        self.due = self.due.max(earliest).saturating_add(gap).min(earliest.saturating_add(room));
        self.due.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_comes_back_over_a_quarter_of_its_delay() {
        let (mut spread, delay) = (Spread::default(), Duration::from_secs(100));
        let waits: Vec<_> = (0..256).map(|_| spread.next(Duration::ZERO, delay, 0.5)).collect();
        let (first, last) = (waits[0].as_secs_f64(), waits[255].as_secs_f64());
        assert!((100.0..100.2).contains(&first) && (124.0..=125.0).contains(&last), "{first} {last}");
    }

    #[test]
    fn a_copy_after_a_pause_is_the_first_of_its_own() {
        let (mut spread, delay) = (Spread::default(), Duration::from_secs(100));
        for _ in 0..1000 {
            spread.next(Duration::ZERO, delay, 1.0);
        }
        let wait = spread.next(Duration::from_secs(60), delay, 0.0);
        assert_eq!(wait, delay);
    }

    proptest! {
        #[test]
        fn no_copy_is_due_before_the_one_before_it_nor_outside_its_room(
            steps in prop::collection::vec((0u64..2_000, 0.0f64..1.0), 1..400),
            delay_ms in 1u64..3_600_000,
        ) {
            let (mut spread, mut now, mut last) = (Spread::default(), Duration::ZERO, Duration::ZERO);
            let delay = Duration::from_millis(delay_ms);
            for (step, jitter) in steps {
                now += Duration::from_millis(step);
                let wait = spread.next(now, delay, jitter);
                prop_assert!(wait >= delay && wait <= delay + delay / 4);
                prop_assert!(now + wait >= last);
                last = now + wait;
            }
        }
    }
}
