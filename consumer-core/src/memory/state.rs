//! The state of the server: exchanges, queues, and whether it takes anything.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    channel::Address,
    chaos::{Chaos, Confirm, Dice, Faults},
    consumer::Consumer,
    dead_letter::dead_letter,
    exchange::{Exchange, ExchangeKind},
    queue::{Queue, Taken},
    waiting::Stored,
};
use crate::{
    broker::{BrokerState, Publication, QueueSpec, Settlement, Topology},
    clock::Instant,
    error::{Error, Result},
    message::Message,
};

/// `delivery_mode` of a message that survives a restart.
const PERSISTENT: u8 = 2;

/// What a subscription gets when it asks for the next delivery.
pub(super) enum Take {
    Message(Taken),
    /// Wait for the bell, and no longer than until a delayed message is due.
    Nothing {
        due: Option<Instant>,
    },
    /// It is cancelled or closed, and nothing is left.
    End,
}

/// Queues are never deleted, so that their index stays good.
pub(super) struct State {
    queues: Vec<Queue>,
    names: HashMap<String, usize>,
    exchanges: BTreeMap<String, Exchange>,
    broker_state: BrokerState,
    /// Publishes that timed out on a blocked connection; the broker reads them when it recovers.
    in_flight: Vec<Publication>,
    dice: Dice,
    last_connection: u64,
    last_consumer: u64,
}

impl Default for State {
    fn default() -> Self {
        let standard = [
            ("amq.direct", ExchangeKind::Direct),
            ("amq.fanout", ExchangeKind::Fanout),
            ("amq.topic", ExchangeKind::Topic),
        ];
        Self {
            queues: Vec::new(),
            names: HashMap::new(),
            exchanges: standard.map(|(name, kind)| (name.to_owned(), Exchange::new(kind))).into(),
            broker_state: BrokerState::Up,
            in_flight: Vec::new(),
            dice: Dice::default(),
            last_connection: 0,
            last_consumer: 0,
        }
    }
}

/// Being there at all.
impl State {
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
        (0..self.queues.len()).for_each(|queue| self.dispatch(queue));
    }

    /// Nobody waits for the outcome any more.
    fn read_in_flight(&mut self) {
        for publication in std::mem::take(&mut self.in_flight) {
            drop(self.publish(publication));
        }
    }

    fn lose_everything_on_the_wire(&mut self) {
        self.in_flight.clear();
        for queue in 0..self.queues.len() {
            self.queues[queue].consumers_of(None).into_iter().for_each(|consumer| self.cut(queue, consumer));
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
        for queue in 0..self.queues.len() {
            for consumer in self.queues[queue].consumers_of(Some(connection)) {
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

/// Exchanges and queues.
impl State {
    pub(super) fn queue(&self, name: &str) -> Option<&Queue> {
        self.names.get(name).map(|queue| &self.queues[*queue])
    }

    pub(super) fn is_drained(&self, queue: usize) -> bool {
        self.queues[queue].is_drained()
    }

    pub(super) fn purge(&mut self, name: &str) -> usize {
        self.names.get(name).map_or(0, |queue| self.queues[*queue].purge())
    }

    pub(super) fn declare_exchange(&mut self, name: &str, kind: ExchangeKind) {
        self.exchanges.entry(name.to_owned()).or_insert_with(|| Exchange::new(kind));
    }

    /// Names everything that is wrong at once, and then changes nothing.
    pub(super) fn prepare(&mut self, specs: &[QueueSpec]) -> Result<()> {
        let problems: Vec<_> = specs.iter().flat_map(|spec| self.problems(spec)).collect();
        if !problems.is_empty() {
            return Err(Error::topology(problems.join("; ")));
        }
        let declared = specs.iter().filter(|spec| spec.topology == Topology::Declare);
        declared.for_each(|spec| self.declare(spec));
        Ok(())
    }

    fn problems(&self, spec: &QueueSpec) -> Vec<String> {
        match spec.topology {
            Topology::Declare => {
                self.differences(spec).into_iter().chain(self.missing_exchanges(spec)).collect()
            }
            Topology::Check => self.missing_queues(spec).chain(self.differences(spec)).collect(),
            Topology::Leave => Vec::new(),
        }
    }

    fn differences(&self, spec: &QueueSpec) -> Vec<String> {
        let differences = self.queue(&spec.name).map(|queue| queue.differences(spec)).unwrap_or_default();
        let name = &spec.name;
        differences
            .into_iter()
            .map(|difference| format!("queue `{name}` exists, but its {difference}"))
            .collect()
    }

    fn missing_queues<'a>(&'a self, spec: &'a QueueSpec) -> impl Iterator<Item = String> + 'a {
        let needed = [&spec.name, &spec.dead_letter].into_iter();
        needed
            .filter(|name| !self.names.contains_key(*name))
            .map(|name| format!("queue `{name}` does not exist"))
    }

    fn missing_exchanges<'a>(&'a self, spec: &'a QueueSpec) -> impl Iterator<Item = String> + 'a {
        let missing = spec.bindings.iter().filter(|binding| !self.exchanges.contains_key(&binding.exchange));
        missing.map(|binding| {
            format!(
                "queue `{}` is to be bound to exchange `{}`, which does not exist",
                spec.name, binding.exchange
            )
        })
    }

    fn declare(&mut self, spec: &QueueSpec) {
        self.declare_queue(&spec.dead_letter, || Queue::bare(&spec.dead_letter, spec.kind));
        let queue = self.declare_queue(&spec.name, || Queue::new(spec));
        for binding in &spec.bindings {
            if let Some(exchange) = self.exchanges.get_mut(&binding.exchange) {
                exchange.bind(&binding.routing_key, queue);
            }
        }
    }

    fn declare_queue(&mut self, name: &str, new: impl FnOnce() -> Queue) -> usize {
        let queues = &mut self.queues;
        *self.names.entry(name.to_owned()).or_insert_with(|| {
            queues.push(new());
            queues.len() - 1
        })
    }
}

/// Messages coming in.
impl State {
    pub(super) fn publish(&mut self, publication: Publication) -> Result<()> {
        let Publication { exchange, routing_key, message } = publication;
        let queues = self.route(&exchange, &routing_key)?;
        let confirm =
            queues.first().map_or(Confirm::Sent, |queue| self.dice.confirm(&self.queues[*queue].name));
        if confirm != Confirm::LostBeforeStoring {
            let message = Arc::new(persistent(message, exchange, routing_key));
            queues.iter().for_each(|queue| self.store(*queue, &message));
        }
        match confirm {
            Confirm::Sent => Ok(()),
            _ => Err(Error::unconfirmed("the confirm got lost; publish the message again with the same id")),
        }
    }

    fn route(&self, exchange: &str, routing_key: &str) -> Result<Vec<usize>> {
        let queues = match exchange {
            "" => self.names.get(routing_key).copied().into_iter().collect(),
            _ => self.exchange(exchange)?.route(routing_key),
        };
        if queues.is_empty() {
            return Err(Error::unroutable(match exchange {
                "" => format!("there is no queue `{routing_key}`"),
                _ => format!("no queue is bound to exchange `{exchange}` for routing key `{routing_key}`"),
            }));
        }
        Ok(queues)
    }

    fn exchange(&self, name: &str) -> Result<&Exchange> {
        self.exchanges.get(name).ok_or_else(|| Error::unroutable(format!("there is no exchange `{name}`")))
    }

    fn store(&mut self, index: usize, message: &Arc<Message>) {
        let queue = &mut self.queues[index];
        for _ in 0..=usize::from(self.dice.duplicate(&queue.name)) {
            queue.store(message.clone(), self.dice.delay(&queue.name));
        }
        self.dispatch(index);
    }

    fn dead_letter(&mut self, from: usize, exhausted: impl IntoIterator<Item = Stored>) {
        for stored in exhausted {
            let queue = &self.queues[from];
            let Some(to) = queue.dead_letter().and_then(|name| self.names.get(name).copied()) else {
                tracing::warn!(queue = queue.name, "dropped a message: its dead-letter queue does not exist");
                continue;
            };
            let letter = dead_letter(&stored.message, &queue.name, &self.queues[to].name);
            self.queues[to].store(Arc::new(letter), None);
            self.dispatch(to);
        }
    }
}

/// Messages going out.
impl State {
    fn dispatch(&mut self, queue: usize) {
        if self.is_connected() {
            self.queues[queue].let_in();
            self.queues[queue].dispatch(&mut self.dice);
        }
    }

    pub(super) fn take(&mut self, channel: Address) -> Take {
        let Address { queue, consumer, .. } = channel;
        self.dispatch_delayed(queue);
        match self.queues[queue].take(consumer, &mut self.dice) {
            Some(taken) => {
                self.maybe_cut(queue, consumer);
                Take::Message(taken)
            }
            None => self.nothing_for(queue, consumer),
        }
    }

    fn dispatch_delayed(&mut self, queue: usize) {
        if self.queues[queue].due().is_some() {
            self.dispatch(queue);
        }
    }

    fn nothing_for(&self, queue: usize, consumer: u64) -> Take {
        match self.queues[queue].consumer(consumer) {
            Some(consumer) if !consumer.cancelled => {
                Take::Nothing { due: self.queues[queue].due().filter(|_| self.is_connected()) }
            }
            _ => Take::End,
        }
    }

    /// Whether the settlement reached a channel that was still there.
    pub(super) fn settle(&mut self, channel: Address, tag: u64, settlement: Settlement) -> bool {
        if !self.is_open(channel) || self.maybe_cut(channel.queue, channel.consumer) {
            return false;
        }
        let Some(exhausted) = self.queues[channel.queue].settle(channel.consumer, tag, settlement) else {
            return false;
        };
        self.dead_letter(channel.queue, exhausted);
        self.dispatch(channel.queue);
        true
    }

    pub(super) fn is_open(&self, channel: Address) -> bool {
        self.queues[channel.queue].is_open(channel)
    }
}

/// Consumers coming and going.
impl State {
    pub(super) fn join(&mut self, queue: &str, consumer: Consumer) -> Result<Address> {
        let queue = *self
            .names
            .get(queue)
            .ok_or_else(|| Error::topology(format!("there is no queue `{queue}` to consume")))?;
        self.last_consumer += 1;
        let address = Address { queue, consumer: self.last_consumer, generation: consumer.generation };
        self.queues[queue].join(address.consumer, consumer);
        self.dispatch(queue);
        Ok(address)
    }

    pub(super) fn cancel(&mut self, channel: Address) {
        self.queues[channel.queue].cancel(channel.consumer);
    }

    /// Ends a subscription, but not what it has handed out.
    pub(super) fn leave(&mut self, channel: Address) {
        let exhausted = self.queues[channel.queue].retire(channel.consumer);
        self.dead_letter(channel.queue, exhausted);
        self.dispatch(channel.queue);
    }

    /// Ends a consumer if this is its channel, with all that it has not settled.
    pub(super) fn close(&mut self, channel: Address) {
        if self.is_open(channel) {
            self.end(channel.queue, channel.consumer);
        }
    }

    fn end(&mut self, queue: usize, consumer: u64) {
        let exhausted = self.queues[queue].remove(consumer);
        self.dead_letter(queue, exhausted);
        self.dispatch(queue);
    }

    pub(super) fn cut_all(&mut self, queue: &str) -> usize {
        let Some(queue) = self.names.get(queue).copied() else { return 0 };
        let consumers = self.queues[queue].consumers_of(None);
        consumers.iter().for_each(|consumer| self.cut(queue, *consumer));
        consumers.len()
    }

    fn maybe_cut(&mut self, queue: usize, consumer: u64) -> bool {
        let dies = self.dice.cut(&self.queues[queue].name);
        if dies {
            self.cut(queue, consumer);
        }
        dies
    }

    fn cut(&mut self, queue: usize, consumer: u64) {
        self.dice.faults.cut += 1;
        let exhausted = self.queues[queue].cut(consumer);
        self.dead_letter(queue, exhausted);
        self.dispatch(queue);
    }
}

fn persistent(message: Message, exchange: String, routing_key: String) -> Message {
    let mut message = Message { exchange, routing_key, ..message };
    message.properties.delivery_mode = Some(PERSISTENT);
    message
}
