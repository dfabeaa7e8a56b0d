//! Random histories against the simplest model there is: where each message can be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Publish,
    Subscribe {
        slot: usize,
        prefetch: u16,
    },
    Take {
        slot: usize,
    },
    Ack {
        held: usize,
    },
    Requeue {
        held: usize,
    },
    /// Drops a delivery without settling it.
    Forget {
        held: usize,
    },
    Cancel {
        slot: usize,
    },
    Drop {
        slot: usize,
    },
    Cut,
    /// Closes the connection that all consumers share.
    Close,
    DownAndUp,
}

const SLOTS: usize = 3;

fn op() -> impl Strategy<Value = Op> {
    let any = 0..usize::MAX;
    prop_oneof![
        8 => Just(Op::Publish),
        2 => (0..SLOTS, 1..4_u16).prop_map(|(slot, prefetch)| Op::Subscribe { slot, prefetch }),
        8 => (0..SLOTS).prop_map(|slot| Op::Take { slot }),
        6 => any.clone().prop_map(|held| Op::Ack { held }),
        2 => any.clone().prop_map(|held| Op::Requeue { held }),
        1 => any.prop_map(|held| Op::Forget { held }),
        1 => (0..SLOTS).prop_map(|slot| Op::Cancel { slot }),
        1 => (0..SLOTS).prop_map(|slot| Op::Drop { slot }),
        1 => Just(Op::Cut),
        1 => Just(Op::Close),
        1 => Just(Op::DownAndUp),
    ]
}

struct Slot {
    subscription: MemorySubscription,
    id: usize,
    prefetch: usize,
    cancelled: bool,
    ended: bool,
    /// The last message it got that nobody got before.
    newest: Option<u32>,
}

struct Held {
    delivery: Delivery,
    number: u32,
    slot: usize,
    live: bool,
}

struct Model {
    broker: MemoryBroker,
    consumers: MemoryBroker,
    spec: QueueSpec,
    slots: BTreeMap<usize, Slot>,
    held: Vec<Held>,
    published: BTreeSet<u32>,
    acked: BTreeSet<u32>,
    handed_out: BTreeSet<u32>,
    subscriptions: usize,
}

impl Model {
    fn new(kind: QueueKind, delivery_limit: u32) -> Self {
        let spec = QueueSpec { kind, delivery_limit, ..QueueSpec::new("q") };
        let broker = MemoryBroker::new();
        now(broker.prepare(std::slice::from_ref(&spec))).expect("a new queue can be declared");
        Self {
            consumers: broker.connect(),
            broker,
            spec,
            slots: BTreeMap::new(),
            held: Vec::new(),
            published: BTreeSet::new(),
            acked: BTreeSet::new(),
            handed_out: BTreeSet::new(),
            subscriptions: 0,
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Publish => self.publish(),
            Op::Subscribe { slot, prefetch } => self.subscribe(slot, prefetch),
            Op::Take { slot } => self.take(slot),
            Op::Ack { held } => self.settle(held, Settlement::Ack),
            Op::Requeue { held } => self.settle(held, Settlement::Requeue),
            Op::Forget { held } => drop(self.pick(held)),
            Op::Cancel { slot } => self.cancel(slot),
            Op::Drop { slot } => drop(self.slots.remove(&slot)),
            Op::Cut => {
                self.broker.cut("q");
                self.every_channel_died();
            }
            Op::Close => {
                now(self.consumers.close());
                self.every_channel_died();
                self.slots.values_mut().for_each(|slot| slot.ended = true);
            }
            Op::DownAndUp => {
                self.broker.go_down("for a moment");
                self.every_channel_died();
                assert_eq!(self.broker.unacked("q"), 0);
                self.broker.recover();
            }
        }
    }

    fn publish(&mut self) {
        let number = u32::try_from(self.published.len()).expect("few messages");
        publish(&self.broker, [number]);
        self.published.insert(number);
    }

    fn subscribe(&mut self, slot: usize, prefetch: u16) {
        self.subscriptions += 1;
        let subscription = consume(&self.consumers, &self.spec, prefetch);
        let (id, prefetch) = (self.subscriptions, prefetch.into());
        let new = Slot { subscription, id, prefetch, cancelled: false, ended: false, newest: None };
        self.slots.insert(slot, new);
    }

    fn take(&mut self, slot: usize) {
        let Some(slot) = self.slots.get_mut(&slot) else { return };
        let id = slot.id;
        match slot.subscription.next().now_or_never() {
            None => assert!(!slot.cancelled && !slot.ended, "it has ended and must say so"),
            Some(None) => {
                assert!(slot.cancelled || slot.ended, "it ended by itself");
                slot.ended = true;
            }
            Some(Some(delivery)) => self.receive(delivery, id),
        }
    }

    fn receive(&mut self, delivery: Delivery, id: usize) {
        let slot = self.slots.values_mut().find(|slot| slot.id == id).expect("it was just there");
        assert!(!slot.ended, "a delivery after the end");
        let number = number(&delivery.message);
        assert!(delivery.is_live());
        assert!(self.published.contains(&number) && !self.acked.contains(&number), "{number} was acked");
        assert!(
            !self.held.iter().any(|held| held.live && held.number == number),
            "{number} is in two places"
        );
        let counted = delivery.message.headers.get("x-delivery-count").is_some();
        assert_eq!(counted, delivery.redelivered && self.spec.kind == QueueKind::Quorum);
        let first = self.handed_out.insert(number);
        assert!(first || delivery.redelivered, "{number} came again and does not say so");
        if !delivery.redelivered {
            assert!(slot.newest < Some(number), "{number} came after {:?}", slot.newest);
            slot.newest = Some(number);
        }
        self.held.push(Held { delivery, number, slot: id, live: true });
        let live = self.held.iter().filter(|held| held.live && held.slot == id).count();
        assert!(live <= slot.prefetch, "{live} are unsettled");
    }

    fn pick(&mut self, index: usize) -> Option<Held> {
        (!self.held.is_empty()).then(|| self.held.remove(index % self.held.len()))
    }

    fn settle(&mut self, index: usize, settlement: Settlement) {
        let Some(Held { delivery, number, live, .. }) = self.pick(index) else { return };
        assert_eq!(
            settle(delivery, settlement),
            live,
            "a settlement reaches the broker as long as its channel lives"
        );
        if live && settlement == Settlement::Ack {
            self.acked.insert(number);
        }
    }

    fn cancel(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(&slot) {
            now(slot.subscription.cancel());
            slot.cancelled = true;
        }
    }

    fn every_channel_died(&mut self) {
        self.held.iter_mut().for_each(|held| held.live = false);
    }

    /// Each message is in exactly one place: acked, dead, waiting, in our hands, or prefetched.
    fn check(&self) {
        let dead: BTreeSet<_> = self.broker.messages("q.dlq").iter().map(number).collect();
        let waiting: Vec<_> = self.broker.messages("q").iter().map(number).collect();
        let live: Vec<_> = self.held.iter().filter(|held| held.live).map(|held| held.number).collect();
        let mut placed = BTreeSet::new();
        let places = self.acked.iter().chain(&dead).chain(&waiting).chain(&live);
        places.for_each(|number| assert!(placed.insert(*number), "{number} is in two places"));
        let elsewhere = self.published.difference(&placed).count();
        assert_eq!(self.broker.unacked("q"), live.len() + elsewhere, "a message is nowhere");
        assert_eq!(self.broker.depth("q"), waiting.len());
        assert!(self.held.iter().all(|held| held.delivery.is_live() == held.live));
        if self.broker.tally("q").returned == 0 {
            assert!(waiting.is_sorted(), "out of order: {waiting:?}");
        }
    }

    /// Whatever is neither acked nor dead comes once more, and once only.
    fn finish(mut self) {
        self.slots.clear();
        self.held.clear();
        assert_eq!(self.broker.unacked("q"), 0);
        let dead = self.broker.messages("q.dlq").iter().map(number).collect();
        let settled: BTreeSet<_> = self.acked.union(&dead).copied().collect();
        let rest = take(&mut consume(&self.broker, &self.spec, 0), usize::MAX);
        let mut rest = numbers(&rest);
        rest.sort_unstable();
        assert_eq!(rest, self.published.difference(&settled).copied().collect::<Vec<_>>());
    }
}

fn play(kind: QueueKind, delivery_limit: u32, ops: Vec<Op>) {
    let mut model = Model::new(kind, delivery_limit);
    for op in ops {
        model.apply(op);
        model.check();
    }
    model.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_message_is_in_one_place(ops in prop::collection::vec(op(), 1..200)) {
        play(QueueKind::Quorum, QueueSpec::DELIVERY_LIMIT, ops);
    }

    #[test]
    fn each_message_of_a_classic_queue_is_in_one_place(ops in prop::collection::vec(op(), 1..200)) {
        play(QueueKind::Classic, QueueSpec::DELIVERY_LIMIT, ops);
    }

    #[test]
    fn each_message_with_a_low_delivery_limit_is_in_one_place(ops in prop::collection::vec(op(), 1..200)) {
        play(QueueKind::Quorum, 1, ops);
    }
}
