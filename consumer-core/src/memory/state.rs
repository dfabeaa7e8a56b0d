//! The state of the server: what it holds, and whether it takes anything.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    channel::Address,
    chaos::{Chaos, Confirm, Dice, Faults},
    consumer::Consumer,
    dead_letter::{Death, dead_letter},
    declared::Declared,
    queue::Taken,
    waiting::Stored,
};
use crate::{
    broker::{BrokerState, Publication, Settlement},
    clock::{self, Instant},
    error::{Error, Result},
    message::Message,
};

/// `delivery_mode` of a message that survives a restart.
const PERSISTENT: u8 = 2;

/// What a subscription gets when it asks for the next delivery.
pub(super) enum Take {
    Message(Taken),
    /// Wait for the bell, and no longer than until a message comes by itself: a delayed one, or one that expires elsewhere.
    Nothing {
        due: Option<Instant>,
    },
    /// It is cancelled or closed, and nothing is left.
    End,
}

pub(super) struct State {
    pub(super) declared: Declared,
    broker_state: BrokerState,
    /// Publishes that timed out on a blocked connection; the broker reads them when it recovers.
    in_flight: Vec<Publication>,
    dice: Dice,
    /// Rings for whoever waits for something other than a delivery.
    changed: Arc<Notify>,
    last_connection: u64,
    last_consumer: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            declared: Declared::default(),
            broker_state: BrokerState::Up,
            in_flight: Vec::new(),
            dice: Dice::default(),
            changed: Arc::default(),
            last_connection: 0,
            last_consumer: 0,
        }
    }
}

/// Being there at all.
impl State {
    pub(super) fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }

    pub(super) fn broker_state(&self) -> &BrokerState {
        &self.broker_state
    }

    pub(super) fn is_connected(&self) -> bool {
        !matches!(self.broker_state, BrokerState::Down(_))
    }

    pub(super) fn takes_publishes(&self) -> bool {
        self.broker_state == BrokerState::Up
    }

    pub(super) fn enter(&mut self, broker_state: BrokerState) {
        self.broker_state = broker_state;
        match &self.broker_state {
            BrokerState::Up => self.read_in_flight(),
            BrokerState::Blocked(_) => {}
            BrokerState::Down(_) => self.lose_everything_on_the_wire(),
        }
        for queue in self.declared.all() {
            self.dispatch(queue);
            self.declared[queue].ring();
        }
    }

    /// Nobody waits for the outcome any more.
    fn read_in_flight(&mut self) {
        for publication in std::mem::take(&mut self.in_flight) {
            drop(self.publish(publication));
        }
    }

    fn lose_everything_on_the_wire(&mut self) {
        self.in_flight.clear();
        for queue in self.declared.all() {
            self.declared[queue]
                .consumers_of(None)
                .into_iter()
                .for_each(|consumer| self.cut(queue, consumer));
        }
    }

    /// Publishes after all, or gives up. On a blocked connection the message is on its way, and nobody can call it back.
    pub(super) fn publish_or_give_up(&mut self, publication: Publication) -> Result<()> {
        match &self.broker_state {
            BrokerState::Up => self.publish(publication),
            BrokerState::Down(reason) => Err(Error::unavailable(format!("nothing was published: {reason}"))),
            BrokerState::Blocked(reason) => {
                let error =
                    Error::unconfirmed(format!("{reason}; publish the message again with the same id"));
                self.in_flight.push(publication);
                Err(error)
            }
        }
    }

    pub(super) fn new_connection(&mut self) -> u64 {
        self.last_connection += 1;
        self.last_connection
    }

    pub(super) fn hang_up(&mut self, connection: u64) {
        for queue in self.declared.all() {
            for consumer in self.declared[queue].consumers_of(Some(connection)) {
                self.end(queue, consumer);
            }
        }
    }

    pub(super) fn unleash(&mut self, chaos: Chaos) {
        self.dice.unleash(chaos);
    }

    pub(super) fn calm(&mut self) {
        self.dice.calm();
    }

    pub(super) fn faults(&self) -> Faults {
        self.dice.faults
    }
}

/// Messages coming in.
impl State {
    pub(super) fn publish(&mut self, publication: Publication) -> Result<()> {
        self.expire();
        let Publication { exchange, routing_key, message } = publication;
        let queues = self.declared.route(&exchange, &routing_key)?;
        let confirm =
            queues.first().map_or(Confirm::Sent, |queue| self.dice.confirm(&self.declared[*queue].name));
        if confirm != Confirm::LostBeforeStoring {
            let message = Arc::new(persistent(message, exchange, routing_key));
            queues.iter().for_each(|queue| self.store(*queue, &message));
        }
        match confirm {
            Confirm::Sent => Ok(()),
            _ => Err(Error::unconfirmed("the confirm got lost; publish the message again with the same id")),
        }
    }

    fn store(&mut self, index: usize, message: &Arc<Message>) {
        let queue = &mut self.declared[index];
        for _ in 0..=usize::from(self.dice.duplicate(&queue.name)) {
            // Nobody consumes a wait queue, so nobody would let in what is late.
            let delay = if queue.terms.is_wait() { None } else { self.dice.delay(&queue.name) };
            queue.store(message.clone(), delay);
        }
        self.dispatch(index);
    }

    fn dead_letter(&mut self, from: usize, death: Death, dying: impl IntoIterator<Item = Stored>) {
        for stored in dying {
            let queue = &self.declared[from];
            let Some(to) = queue.terms.dead_letter.as_deref().and_then(|name| self.declared.find(name))
            else {
                tracing::warn!(
                    queue = queue.name,
                    ?death,
                    "dropped a message: there is no dead-letter queue"
                );
                continue;
            };
            let letter = dead_letter(&stored.message, death, &queue.name, &self.declared[to].name);
            self.store(to, &Arc::new(letter));
        }
    }
}

/// Messages whose time is over. Nothing runs in the background: they move on when somebody looks.
impl State {
    /// Moves on what has waited long enough, in the order in which it expired.
    pub(super) fn expire(&mut self) {
        if !self.is_connected() {
            return;
        }
        let now = clock::now();
        while let Some((_, queue)) = self.declared.next_expiry().filter(|(expiry, _)| *expiry <= now) {
            let expired = self.declared[queue].expire(now);
            self.dead_letter(queue, Death::Expired, expired);
            self.tell_expiry(queue);
        }
    }

    /// When there will be something to move on.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.declared.next_expiry().filter(|_| self.is_connected()).map(|(expiry, _)| expiry)
    }

    /// Tells whoever waits for it when the first message of a queue expires, if that is new.
    fn tell_expiry(&mut self, queue: usize) {
        if !self.declared[queue].expiry_has_changed() {
            return;
        }
        let target = self.declared[queue].terms.dead_letter.as_deref();
        if let Some(to) = target.and_then(|name| self.declared.find(name)) {
            self.declared[to].ring();
        }
        self.changed.notify_waiters();
    }
}

/// Messages going out.
impl State {
    pub(super) fn is_drained(&self, queue: usize) -> bool {
        self.declared[queue].is_drained()
    }

    pub(super) fn purge(&mut self, queue: &str) -> usize {
        self.expire();
        let Some(queue) = self.declared.find(queue) else { return 0 };
        let purged = self.declared[queue].purge();
        self.tell_expiry(queue);
        purged
    }

    fn dispatch(&mut self, queue: usize) {
        if self.is_connected() {
            self.declared[queue].let_in();
            self.declared[queue].dispatch(&mut self.dice);
        }
        self.tell_expiry(queue);
    }

    pub(super) fn take(&mut self, channel: Address) -> Take {
        let Address { queue, consumer, .. } = channel;
        self.expire();
        self.dispatch_delayed(queue);
        match self.declared[queue].take(consumer, &mut self.dice) {
            Some(taken) => {
                self.maybe_cut(queue, consumer);
                Take::Message(taken)
            }
            None => self.nothing_for(queue, consumer),
        }
    }

    fn dispatch_delayed(&mut self, queue: usize) {
        if self.declared[queue].due().is_some() {
            self.dispatch(queue);
        }
    }

    fn nothing_for(&self, queue: usize, consumer: u64) -> Take {
        match self.declared[queue].consumer(consumer) {
            Some(consumer) if !consumer.cancelled => {
                Take::Nothing { due: self.due(queue).filter(|_| self.is_connected()) }
            }
            _ => Take::End,
        }
    }

    /// When a message comes to a queue by itself.
    fn due(&self, queue: usize) -> Option<Instant> {
        let expiry = self.declared.next_expiry_into(queue);
        self.declared[queue].due().into_iter().chain(expiry).min()
    }

    /// Whether the settlement reached a channel that was still there.
    pub(super) fn settle(&mut self, channel: Address, tag: u64, settlement: Settlement) -> bool {
        if !self.is_open(channel) || self.maybe_cut(channel.queue, channel.consumer) {
            return false;
        }
        let Some(exhausted) = self.declared[channel.queue].settle(channel.consumer, tag, settlement) else {
            return false;
        };
        self.dead_letter(channel.queue, Death::DeliveryLimit, exhausted);
        self.dispatch(channel.queue);
        true
    }

    pub(super) fn is_open(&self, channel: Address) -> bool {
        self.declared[channel.queue].is_open(channel)
    }
}

/// Consumers coming and going.
impl State {
    pub(super) fn join(&mut self, queue: &str, consumer: Consumer) -> Result<Address> {
        let missing = || Error::topology(format!("there is no queue `{queue}` to consume"));
        let queue = self.declared.find(queue).ok_or_else(missing)?;
        self.last_consumer += 1;
        let address = Address { queue, consumer: self.last_consumer, generation: consumer.generation };
        self.declared[queue].join(address.consumer, consumer);
        self.dispatch(queue);
        Ok(address)
    }

    pub(super) fn cancel(&mut self, channel: Address) {
        self.declared[channel.queue].cancel(channel.consumer);
    }

    /// Ends a subscription, but not what it has handed out.
    pub(super) fn leave(&mut self, channel: Address) {
        let exhausted = self.declared[channel.queue].retire(channel.consumer);
        self.dead_letter(channel.queue, Death::DeliveryLimit, exhausted);
        self.dispatch(channel.queue);
    }

    /// Ends a consumer if this is its channel, with all that it has not settled.
    pub(super) fn close(&mut self, channel: Address) {
        if self.is_open(channel) {
            self.end(channel.queue, channel.consumer);
        }
    }

    fn end(&mut self, queue: usize, consumer: u64) {
        let exhausted = self.declared[queue].remove(consumer);
        self.dead_letter(queue, Death::DeliveryLimit, exhausted);
        self.dispatch(queue);
    }

    pub(super) fn cut_all(&mut self, queue: &str) -> usize {
        let Some(queue) = self.declared.find(queue) else { return 0 };
        let consumers = self.declared[queue].consumers_of(None);
        consumers.iter().for_each(|consumer| self.cut(queue, *consumer));
        consumers.len()
    }

    fn maybe_cut(&mut self, queue: usize, consumer: u64) -> bool {
        let dies = self.dice.cut(&self.declared[queue].name);
        if dies {
            self.cut(queue, consumer);
        }
        dies
    }

    fn cut(&mut self, queue: usize, consumer: u64) {
        self.dice.faults.cut += 1;
        let exhausted = self.declared[queue].cut(consumer);
        self.dead_letter(queue, Death::DeliveryLimit, exhausted);
        self.dispatch(queue);
    }
}

fn persistent(message: Message, exchange: String, routing_key: String) -> Message {
    let mut message = Message { exchange, routing_key, ..message };
    message.properties.delivery_mode = Some(PERSISTENT);
    message
}
