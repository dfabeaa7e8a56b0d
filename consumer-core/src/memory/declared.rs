//! What is declared: every queue by its name, every exchange with its bindings.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{Index, IndexMut, Range},
};

use super::{
    exchange::{Exchange, ExchangeKind},
    queue::Queue,
};
use crate::{
    broker::{QueueSpec, Topology},
    error::{Error, Result},
};

/// Queues are never deleted, so that their index stays good.
pub(super) struct Declared {
    queues: Vec<Queue>,
    names: HashMap<String, usize>,
    exchanges: BTreeMap<String, Exchange>,
}

impl Default for Declared {
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
        }
    }
}

impl Index<usize> for Declared {
    type Output = Queue;

    fn index(&self, queue: usize) -> &Queue {
        &self.queues[queue]
    }
}

impl IndexMut<usize> for Declared {
    fn index_mut(&mut self, queue: usize) -> &mut Queue {
        &mut self.queues[queue]
    }
}

/// By name.
impl Declared {
    pub(super) fn find(&self, queue: &str) -> Option<usize> {
        self.names.get(queue).copied()
    }

    pub(super) fn queue(&self, name: &str) -> Option<&Queue> {
        self.find(name).map(|queue| &self[queue])
    }

    /// The index of every queue.
    pub(super) fn all(&self) -> Range<usize> {
        0..self.queues.len()
    }

    /// The queues that a publish goes to, at least one.
    pub(super) fn route(&self, exchange: &str, routing_key: &str) -> Result<Vec<usize>> {
        let queues = match exchange {
            "" => self.find(routing_key).into_iter().collect(),
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
}

/// Declaring.
impl Declared {
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
