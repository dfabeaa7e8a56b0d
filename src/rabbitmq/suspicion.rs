//! Suspicion: which prefetch to take when connections keep dying under a consumer.

use std::time::Duration;

/// Deaths in a row before a message is suspected of causing them.
const SUSPICIOUS: u32 = 3;
/// A connection that lived longer died of something else.
const QUICK: Duration = Duration::from_secs(10);
/// Deliveries settled one at a time after which nothing is suspected any more.
const INNOCENT: u64 = 10;

/// Counts the connections that died under a consumer before it had settled anything.
///
/// A message that the client cannot read kills every connection it is delivered to. The broker counts a delivery for
/// each message that was out with it, so at full prefetch it would dead-letter innocent neighbours along with it; taken
/// one at a time, only the guilty one is out.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    deaths: u32,
}

impl Suspicion {
    /// A connection died that had lived for `lived` and settled `settled` deliveries.
    ///
    /// Once there is suspicion, a few settled ones clear nobody: the guilty one may have come after them.
    pub(super) fn died(&mut self, lived: Duration, settled: u64) {
        let suspicious = lived < QUICK && (settled == 0 || self.is_on());
        self.deaths = if suspicious { self.deaths.saturating_add(1) } else { 0 };
    }

    /// Whether messages are taken one at a time.
    pub(super) fn is_on(&self) -> bool {
        self.deaths >= SUSPICIOUS
    }

    /// Clears it if enough was settled one at a time; says whether it did.
    pub(super) fn clear(&mut self, settled: u64) -> bool {
        let cleared = self.is_on() && settled >= INNOCENT;
        if cleared {
            self.deaths = 0;
        }
        cleared
    }

    pub(super) fn prefetch(&self, wanted: u16) -> u16 {
        if self.is_on() { 1 } else { wanted.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quick_deaths_without_a_settlement_bring_prefetch_1_until_ten_were_settled() {
        let mut suspicion = Suspicion::default();
        for _ in 0..2 {
            suspicion.died(Duration::from_millis(50), 0);
        }
        assert_eq!(suspicion.prefetch(64), 64);
        suspicion.died(Duration::from_millis(50), 0);
        assert_eq!(suspicion.prefetch(64), 1);
        assert!(!suspicion.clear(9));
        suspicion.died(Duration::from_millis(50), 9);
        assert_eq!(suspicion.prefetch(64), 1, "the guilty one came after nine others");
        assert!(suspicion.clear(10));
        assert_eq!(suspicion.prefetch(64), 64);
        assert!(!suspicion.clear(10));
    }

    #[test]
    fn a_death_after_work_or_after_a_long_life_suspects_nobody() {
        for (lived, settled) in [(Duration::from_millis(50), 1), (QUICK, 0)] {
            let mut suspicion = Suspicion::default();
            for _ in 0..100 {
                suspicion.died(lived, settled);
            }
            assert!(!suspicion.is_on());
        }
    }
}
