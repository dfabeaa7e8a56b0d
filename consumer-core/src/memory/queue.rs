//! A queue: what waits in it, who consumes it, whose turn it is.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::Arc,
};

use super::{
    channel::Address,
    chaos::Dice,
    consumer::Consumer,
    terms::Terms,
    waiting::{Stored, Waiting},
};
use crate::{
    broker::{QueueKind, Settlement},
    clock::{self, Instant},
    message::Message,
};

/// A message that was handed out.
pub(super) struct Taken {
    pub(super) stored: Stored,
    pub(super) kind: QueueKind,
    pub(super) tag: u64,
    pub(super) generation: u64,
}

/// What happened in a queue so far.
///
/// Nothing gets lost: `published` is `acked`, `dead_lettered`, `expired` and `purged`, and what is still waiting or unacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Messages that were stored in it, duplicates and dead letters of other queues included.
    pub published: u64,
    /// Deliveries that were handed out, those that came again included.
    pub delivered: u64,
    /// Those among them that had been sent to a consumer before.
    pub redelivered: u64,
    /// Messages that were acked.
    pub acked: u64,
    /// How often a message came back: requeued, or unacked on a channel that ended.
    pub returned: u64,
    /// Messages that came back too often and went to the dead-letter queue.
    pub dead_lettered: u64,
    /// Messages whose time was over. They went where the dead letters of the queue go, from a wait queue back to the queue
    /// that it belongs to; where none go they are gone.
    pub expired: u64,
    /// Messages thrown away by [`purge`](super::MemoryBroker::purge).
    pub purged: u64,
}

/// A queue. Methods that put messages back return those that came back too often.
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) terms: Terms,
    waiting: Waiting,
    delayed: BTreeMap<(Instant, u64), Stored>,
    /// When its first message expires, as those who wait for that know it.
    told: Option<Instant>,
    /// By number, so that the same run gives the same result.
    consumers: BTreeMap<u64, Consumer>,
    /// The consumers with credit, in turn.
    line: VecDeque<u64>,
    unacked: usize,
    last_position: u64,
    tally: Tally,
}

impl Queue {
    pub(super) fn new(name: &str, terms: Terms) -> Self {
        Self {
            name: name.to_owned(),
            terms,
            waiting: Waiting::default(),
            delayed: BTreeMap::new(),
            told: None,
            consumers: BTreeMap::new(),
            line: VecDeque::new(),
            unacked: 0,
            last_position: 0,
            tally: Tally::default(),
        }
    }
}

/// What is in it.
impl Queue {
    pub(super) fn depth(&self) -> usize {
        self.waiting.len() + self.delayed.len()
    }

    pub(super) fn unacked(&self) -> usize {
        self.unacked
    }

    pub(super) fn is_drained(&self) -> bool {
        self.depth() == 0 && self.unacked == 0
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        let stored = self.waiting.iter().chain(self.delayed.values());
        stored.map(|stored| stored.to_message(self.terms.kind)).collect()
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn purge(&mut self) -> usize {
        let purged = self.depth();
        self.waiting.clear();
        self.delayed.clear();
        self.tally.purged += purged as u64;
        purged
    }
}

/// Messages coming in.
impl Queue {
    pub(super) fn store(&mut self, message: Arc<Message>, due: Option<Instant>) {
        self.last_position += 1;
        self.tally.published += 1;
        let expires = self.terms.lifetime(&message).and_then(|lifetime| clock::now().checked_add(lifetime));
        let stored = Stored { message, returns: 0, position: self.last_position, expires };
        match due {
            None => self.waiting.push(stored),
            Some(due) => self.delay(stored, due),
        }
    }

    /// Keeps a message until it is due, and tells every consumer when that is: any of them may be the one that waits.
    fn delay(&mut self, stored: Stored, due: Instant) {
        self.delayed.insert((due, stored.position), stored);
        self.ring();
    }

    /// Lets every consumer look what there is to do, or to wait for.
    pub(super) fn ring(&self) {
        self.consumers.values().for_each(Consumer::ring);
    }

    /// When the next delayed message is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }

    /// Lets in what is due.
    pub(super) fn let_in(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let now = clock::now();
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            self.waiting.push(entry.remove());
        }
    }

    /// Puts a message back; `Some` if it came back too often.
    fn put_back(&mut self, stored: Stored) -> Option<Stored> {
        let stored = Stored { returns: stored.returns.saturating_add(1), ..stored };
        self.tally.returned += 1;
        if self.terms.delivery_limit.is_some_and(|limit| stored.returns > limit) {
            self.tally.dead_lettered += 1;
            return Some(stored);
        }
        self.waiting.put_back(stored, self.terms.kind);
        None
    }

    fn put_all_back(&mut self, stored: Vec<Stored>) -> Vec<Stored> {
        self.unacked -= stored.len();
        stored.into_iter().filter_map(|stored| self.put_back(stored)).collect()
    }
}

/// Messages whose time is over.
impl Queue {
    /// When its first message expires. The others wait behind it, whatever their own time.
    pub(super) fn expiry(&self) -> Option<Instant> {
        self.waiting.first()?.expires
    }

    /// Takes out the first message if its time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Stored> {
        self.expiry().filter(|expiry| *expiry <= now)?;
        self.tally.expired += 1;
        self.waiting.take(0)
    }

    /// Whether its first message expires at another time than before.
    pub(super) fn expiry_has_changed(&mut self) -> bool {
        let expiry = self.expiry();
        mem::replace(&mut self.told, expiry) != expiry
    }
}

/// Messages going out.
impl Queue {
    /// Sends what waits to the consumers with credit, in turn.
    pub(super) fn dispatch(&mut self, dice: &mut Dice) {
        while self.waiting.len() > 0 {
            let Some(number) = self.line.pop_front() else { return };
            let Some(consumer) = self.consumers.get_mut(&number) else { continue };
            consumer.in_line = false;
            let next = dice.reorder(&self.name, self.waiting.len());
            if let Some(stored) = self.waiting.take(next) {
                consumer.send(stored);
                self.unacked += 1;
            }
            self.line_up(number);
        }
    }

    /// Gives a consumer its place at the end of the line, if it may have more.
    fn line_up(&mut self, number: u64) {
        let Some(consumer) = self.consumers.get_mut(&number) else { return };
        if consumer.has_credit() && !consumer.in_line {
            consumer.in_line = true;
            self.line.push_back(number);
        }
    }

    pub(super) fn consumer(&self, number: u64) -> Option<&Consumer> {
        self.consumers.get(&number)
    }

    /// Hands out one of the messages that a consumer was sent.
    pub(super) fn take(&mut self, number: u64, dice: &mut Dice) -> Option<Taken> {
        let consumer = self.consumers.get_mut(&number)?;
        let (tag, stored) = consumer.take(dice.reorder(&self.name, consumer.prefetched()))?;
        self.tally.delivered += 1;
        self.tally.redelivered += u64::from(stored.returns > 0);
        Some(Taken { stored, kind: self.terms.kind, tag, generation: consumer.generation })
    }

    /// Settles a delivery of a channel that is open; `None` if it has no such delivery.
    pub(super) fn settle(&mut self, number: u64, tag: u64, settlement: Settlement) -> Option<Option<Stored>> {
        let stored = self.consumers.get_mut(&number)?.settle(tag)?;
        let exhausted = match settlement {
            Settlement::Ack => {
                self.tally.acked += 1;
                None
            }
            Settlement::Requeue => self.put_back(stored),
        };
        self.unacked -= 1;
        self.line_up(number);
        Some(exhausted)
    }

    pub(super) fn is_open(&self, channel: Address) -> bool {
        self.consumer(channel.consumer).is_some_and(|consumer| consumer.generation == channel.generation)
    }
}

/// Consumers coming and going.
impl Queue {
    pub(super) fn join(&mut self, number: u64, consumer: Consumer) {
        self.consumers.insert(number, consumer);
        self.line_up(number);
    }

    /// Sends a consumer nothing more.
    pub(super) fn cancel(&mut self, number: u64) {
        if let Some(consumer) = self.consumers.get_mut(&number) {
            consumer.cancelled = true;
            consumer.in_line = false;
            self.line.retain(|other| *other != number);
        }
    }

    /// Sends a consumer nothing more, and puts back what it has not taken. What it has taken can still be settled.
    pub(super) fn retire(&mut self, number: u64) -> Vec<Stored> {
        self.cancel(number);
        let Some(consumer) = self.consumers.get_mut(&number) else { return Vec::new() };
        let prefetched = consumer.drop_prefetched();
        if consumer.unacked() == 0 {
            self.consumers.remove(&number);
        }
        self.put_all_back(prefetched)
    }

    /// Ends the channel of a consumer, which continues on a new one.
    pub(super) fn cut(&mut self, number: u64) -> Vec<Stored> {
        let unacked = self.consumers.get_mut(&number).map(Consumer::cut);
        let exhausted = self.put_all_back(unacked.unwrap_or_default());
        self.line_up(number);
        exhausted
    }

    /// Ends a consumer with its channel, and wakes it up to see that.
    pub(super) fn remove(&mut self, number: u64) -> Vec<Stored> {
        self.cancel(number);
        let exhausted = self.cut(number);
        self.consumers.remove(&number).iter().for_each(Consumer::ring);
        exhausted
    }

    /// All its consumers, or those of one connection.
    pub(super) fn consumers_of(&self, connection: Option<u64>) -> Vec<u64> {
        let of = |consumer: &Consumer| connection.is_none_or(|connection| consumer.connection == connection);
        self.consumers.iter().filter(|(_, consumer)| of(consumer)).map(|(number, _)| *number).collect()
    }
}
