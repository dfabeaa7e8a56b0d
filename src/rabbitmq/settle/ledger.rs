//! The ledger: which settlements of one channel to write, and how few writes do.

use std::collections::{BTreeMap, HashMap};

use consumer_core::broker::Settlement;
use foldhash::fast::RandomState;

/// One frame for the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Acks one delivery, or with `multiple` this one and all before it.
    Ack { tag: u64, multiple: bool },
    /// Gives one delivery back to the queue.
    Requeue { tag: u64 },
}

/// A write with what is owed to those whom it settles.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) write: Write,
    pub(super) owed: Vec<T>,
}

/// What was settled on a channel and what of it has been written.
///
/// The broker numbers the deliveries of a channel from 1 without a gap. An ack of several is right only if each one up
/// to its tag is settled, and the broker closes the channel if the tag itself was settled before.
#[derive(Debug)]
pub(super) struct Ledger<T> {
    /// Every tag below is written.
    floor: u64,
    /// Written tags from `floor` on.
    written: Runs,
    /// To be acked; most of them soon, one after the other.
    acks: HashMap<u64, T, RandomState>,
    /// To be given back to the queue.
    requeues: BTreeMap<u64, T>,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { floor: 1, written: Runs::default(), acks: HashMap::default(), requeues: BTreeMap::new() }
    }
}

impl<T> Ledger<T> {
    /// Takes a settlement.
    ///
    /// # Errors
    /// What is owed for a tag that was settled before, or that no delivery has.
    pub(super) fn settle(&mut self, tag: u64, settlement: Settlement, owed: T) -> Result<(), T> {
        let waits = self.acks.contains_key(&tag) || self.requeues.contains_key(&tag);
        if tag < self.floor || waits || self.written.contains(tag) {
            return Err(owed);
        }
        match settlement {
            Settlement::Ack => self.acks.insert(tag, owed),
            Settlement::Requeue => self.requeues.insert(tag, owed),
        };
        Ok(())
    }

    /// How many settlements wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.acks.len() + self.requeues.len()
    }

    /// What can be written in few frames, in the order it has to be written in. Acks behind a delivery that is still in work
    /// stay: once it is settled, one frame does for all of them.
    pub(super) fn flush_run(&mut self) -> Vec<Entry<T>> {
        let mut entries = Vec::new();
        self.requeue(&mut entries);
        self.ack_run(&mut entries);
        entries
    }

    /// What can be written in few frames, and what is due although it waits behind a delivery in work; in the order it has to
    /// be written in.
    pub(super) fn flush_due(&mut self, is_due: impl Fn(&T) -> bool) -> Vec<Entry<T>> {
        let mut entries = self.flush_run();
        self.ack_due(&mut entries, is_due);
        entries
    }

    /// Everything that waits, in the order it has to be written in.
    pub(super) fn flush(&mut self) -> Vec<Entry<T>> {
        self.flush_due(|_| true)
    }

    /// What is owed for those that wait to be written.
    pub(super) fn owed(&self) -> impl Iterator<Item = &T> {
        self.acks.values().chain(self.requeues.values())
    }

    /// First, so that the acks around them count as one run.
    fn requeue(&mut self, entries: &mut Vec<Entry<T>>) {
        for (tag, owed) in std::mem::take(&mut self.requeues) {
            self.written.insert(tag);
            entries.push(Entry { write: Write::Requeue { tag }, owed: vec![owed] });
        }
    }

    /// Those that follow each other from the floor on, in one frame that names the last that waits.
    fn ack_run(&mut self, entries: &mut Vec<Entry<T>>) {
        let (mut owed, mut last) = (Vec::new(), 0);
        loop {
            if let Some(one) = self.acks.remove(&self.floor) {
                owed.push(one);
                last = self.floor;
                self.floor += 1;
            } else if let Some(end) = self.written.take(self.floor) {
                self.floor = end + 1;
            } else {
                break;
            }
        }
        if !owed.is_empty() {
            entries.push(Entry { write: Write::Ack { tag: last, multiple: owed.len() > 1 }, owed });
        }
    }

    /// Of those behind one that is still in work.
    fn ack_due(&mut self, entries: &mut Vec<Entry<T>>, is_due: impl Fn(&T) -> bool) {
        let mut due: Vec<_> = self.acks.extract_if(|_, owed| is_due(owed)).collect();
        due.sort_unstable_by_key(|(tag, _)| *tag);
        for (tag, owed) in due {
            self.written.insert(tag);
            entries.push(Entry { write: Write::Ack { tag, multiple: false }, owed: vec![owed] });
        }
    }
}

/// Tags that follow each other, by the first with the last: behind one delivery that stays in work for an hour there may be
/// millions, in few runs.
#[derive(Debug, Default)]
struct Runs(BTreeMap<u64, u64>);

impl Runs {
    fn contains(&self, tag: u64) -> bool {
        self.before(tag).is_some_and(|(_, last)| tag <= last)
    }

    fn insert(&mut self, tag: u64) {
        let last = self.0.remove(&(tag + 1)).unwrap_or(tag);
        let first = self.before(tag).filter(|(_, end)| end + 1 == tag).map_or(tag, |(first, _)| first);
        self.0.insert(first, last);
    }

    /// Takes out the run that begins with this tag; its last.
    fn take(&mut self, first: u64) -> Option<u64> {
        self.0.remove(&first)
    }

    /// The last run that begins with this tag or before it.
    fn before(&self, tag: u64) -> Option<(u64, u64)> {
        self.0.range(..=tag).next_back().map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What the broker does with the writes of one channel.
    #[derive(Default)]
    struct Channel {
        unsettled: BTreeSet<u64>,
        acked: Vec<u64>,
        requeued: Vec<u64>,
    }

    impl Channel {
        fn apply(&mut self, write: Write) {
            match write {
                Write::Requeue { tag } => {
                    assert!(self.unsettled.remove(&tag), "unknown delivery tag {tag}");
                    self.requeued.push(tag);
                }
                Write::Ack { tag, multiple } => {
                    assert!(self.unsettled.contains(&tag), "unknown delivery tag {tag}");
                    let from = if multiple { 0 } else { tag };
                    self.acked.extend(self.unsettled.extract_if(from..=tag, |_| true));
                }
            }
        }
    }

    proptest! {
        /// Settled in any order, some twice, flushed at any time: each is written once, and as it was settled.
        #[test]
        fn each_settlement_is_written_exactly_once(
            order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle(),
            kinds in prop::collection::vec(prop::bool::weighted(0.8), 40),
            settled in 0..=40_usize,
            flushes in prop::collection::vec(0..3_u8, 40),
            twice in any::<bool>(),
        ) {
            let mut channel = Channel { unsettled: (1..=40).collect(), ..Channel::default() };
            let mut ledger = Ledger::default();
            let (mut acks, mut requeues, mut owed) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
            for (index, &tag) in order[..settled].iter().enumerate() {
                let settlement = if kinds[index] { Settlement::Ack } else { Settlement::Requeue };
                prop_assert!(ledger.settle(tag, settlement, tag).is_ok());
                if kinds[index] { acks.insert(tag) } else { requeues.insert(tag) };
                if twice {
                    prop_assert_eq!(ledger.settle(tag, Settlement::Ack, tag), Err(tag));
                }
                if flushes[index] > 0 {
                    let entries = if flushes[index] == 1 { ledger.flush_run() } else { ledger.flush() };
                    for entry in entries {
                        channel.apply(entry.write);
                        owed.extend(entry.owed);
                    }
                    if twice {
                        prop_assert_eq!(ledger.settle(tag, Settlement::Requeue, tag), Err(tag));
                    }
                }
            }
            for entry in ledger.flush() {
                channel.apply(entry.write);
                owed.extend(entry.owed);
            }
            prop_assert_eq!(ledger.waiting(), 0);
            prop_assert_eq!(channel.acked.len(), acks.len());
            prop_assert_eq!(channel.acked.iter().copied().collect::<BTreeSet<_>>(), acks);
            prop_assert_eq!(channel.requeued.iter().copied().collect::<BTreeSet<_>>(), requeues);
            owed.sort_unstable();
            let mut all = order[..settled].to_vec();
            all.sort_unstable();
            prop_assert_eq!(owed, all);
        }
    }

    #[test]
    fn a_run_is_one_frame_and_one_behind_a_gap_goes_alone() {
        let mut ledger = Ledger::default();
        for tag in [1, 2, 3, 5] {
            ledger.settle(tag, Settlement::Ack, ()).expect("a new tag");
        }
        let mut waits = Ledger::default();
        for tag in [1, 2, 3, 5] {
            waits.settle(tag, Settlement::Ack, ()).expect("a new tag");
        }
        let writes: Vec<_> = waits.flush_run().iter().map(|entry| entry.write).collect();
        assert_eq!((writes, waits.waiting()), (vec![Write::Ack { tag: 3, multiple: true }], 1));
        waits.settle(4, Settlement::Ack, ()).expect("a new tag");
        let writes: Vec<_> = waits.flush_run().iter().map(|entry| entry.write).collect();
        assert_eq!(writes, [Write::Ack { tag: 5, multiple: true }], "once the gap is closed");

        let writes: Vec<_> = ledger.flush().iter().map(|entry| entry.write).collect();
        assert_eq!(writes, [Write::Ack { tag: 3, multiple: true }, Write::Ack { tag: 5, multiple: false }]);
        ledger.settle(4, Settlement::Ack, ()).expect("a new tag");
        let writes: Vec<_> = ledger.flush().iter().map(|entry| entry.write).collect();
        assert_eq!(writes, [Write::Ack { tag: 4, multiple: false }]);
    }

    #[test]
    fn behind_a_gap_only_what_is_due_goes() {
        let mut ledger = Ledger::default();
        for tag in [1, 3, 4, 6] {
            ledger.settle(tag, Settlement::Ack, tag).expect("a new tag");
        }
        let writes: Vec<_> = ledger.flush_due(|owed| *owed == 4).iter().map(|entry| entry.write).collect();
        let acks = [Write::Ack { tag: 1, multiple: false }, Write::Ack { tag: 4, multiple: false }];
        assert_eq!(
            (writes.as_slice(), ledger.owed().copied().collect::<BTreeSet<_>>()),
            (acks.as_slice(), BTreeSet::from([3, 6]))
        );
        ledger.settle(2, Settlement::Ack, 2).expect("a new tag");
        let entries = ledger.flush_due(|_| false);
        assert_eq!(
            (entries[0].write, entries[0].owed.as_slice()),
            (Write::Ack { tag: 3, multiple: true }, [2, 3].as_slice())
        );
    }

    #[test]
    fn what_is_settled_behind_one_that_stays_in_work_takes_no_room() {
        let mut ledger = Ledger::default();
        for tag in (2..=10_000).chain(10_002..=20_000) {
            ledger.settle(tag, Settlement::Ack, ()).expect("a new tag");
            ledger.flush();
        }
        assert_eq!((ledger.written.0.len(), ledger.waiting()), (2, 0), "1 and 10,001 are in work");
        assert_eq!(ledger.settle(5_000, Settlement::Ack, ()), Err(()));
        for tag in [10_001, 1] {
            ledger.settle(tag, Settlement::Ack, ()).expect("a new tag");
            ledger.flush();
        }
        assert_eq!((ledger.written.0.len(), ledger.floor), (0, 20_001));
    }

    #[test]
    fn tag_0_would_ack_everything_and_is_refused() {
        assert_eq!(Ledger::default().settle(0, Settlement::Ack, 7), Err(7));
    }
}
