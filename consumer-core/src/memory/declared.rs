//! What is declared: every queue by its name, every exchange with its bindings.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{Index, IndexMut, Range},
};

use super::{
    exchange::{Exchange, ExchangeKind},
    queue::Queue,
    terms::Terms,
};
use crate::{
    broker::{QueueSpec, Topology},
    clock::Instant,
    doctor::Finding,
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
            let problems = problems.iter().map(|problem| format!("{} {}", problem.subject, problem.found));
            return Err(Error::topology(problems.collect::<Vec<_>>().join("; ")));
        }
        let declared = specs.iter().filter(|spec| spec.topology == Topology::Declare);
        declared.for_each(|spec| self.declare(spec));
        Ok(())
    }

    /// What [`prepare`](Self::prepare) would refuse, and what it would find in order.
    pub(super) fn examine(&self, specs: &[QueueSpec]) -> Vec<Finding> {
        let examined = specs.iter().flat_map(|spec| {
            let problems = self.problems(spec);
            match problems.is_empty() {
                true => vec![Finding::fine(subject(&spec.name), "as this consumer needs it")],
                false => problems,
            }
        });
        examined.collect()
    }

    fn problems(&self, spec: &QueueSpec) -> Vec<Finding> {
        match spec.topology {
            Topology::Declare => self.differences(spec).chain(self.missing_exchanges(spec)).collect(),
            Topology::Check => self.missing_queues(spec).chain(self.differences(spec)).collect(),
            Topology::Leave => Vec::new(),
        }
    }

    fn differences(&self, spec: &QueueSpec) -> impl Iterator<Item = Finding> {
        wanted(spec).into_iter().filter_map(|(name, terms)| {
            let differences = self.queue(&name)?.terms.differences(&terms);
            let found = format!("exists, but its {}", differences.join(" and its "));
            (!differences.is_empty()).then(|| {
                Finding::refuses(subject(&name), found, "declare it as it is, or take another name for it")
            })
        })
    }

    fn missing_queues(&self, spec: &QueueSpec) -> impl Iterator<Item = Finding> {
        let missing = wanted(spec).into_iter().filter(|(name, _)| self.find(name).is_none());
        missing.map(|(name, _)| {
            Finding::refuses(subject(&name), "does not exist", "declare it, or set topology `declare`")
        })
    }

    fn missing_exchanges(&self, spec: &QueueSpec) -> impl Iterator<Item = Finding> {
        let missing = spec.bindings.iter().filter(|binding| !self.exchanges.contains_key(&binding.exchange));
        missing.map(|binding| {
            let found = format!("is to be bound to exchange `{}`, which does not exist", binding.exchange);
            Finding::refuses(
                subject(&spec.name),
                found,
                "declare the exchange first, or leave the binding out",
            )
        })
    }

    fn declare(&mut self, spec: &QueueSpec) {
        for (name, terms) in wanted(spec) {
            self.declare_queue(&name, terms);
        }
        let Some(queue) = self.find(&spec.name) else { return };
        for binding in &spec.bindings {
            if let Some(exchange) = self.exchanges.get_mut(&binding.exchange) {
                exchange.bind(&binding.routing_key, queue);
            }
        }
    }

    /// Declares a queue; one that exists stays as it is.
    pub(super) fn declare_queue(&mut self, name: &str, terms: Terms) {
        let queues = &mut self.queues;
        self.names.entry(name.to_owned()).or_insert_with(|| {
            queues.push(Queue::new(name, terms));
            queues.len() - 1
        });
    }
}

/// Expiry.
impl Declared {
    /// The queue whose first message expires next, and when. One whose messages have nowhere to go keeps them.
    pub(super) fn next_expiry(&self) -> Option<(Instant, usize)> {
        self.expiries(|_| true).min()
    }

    /// When the next message expires that then goes to this queue.
    pub(super) fn next_expiry_into(&self, queue: usize) -> Option<Instant> {
        self.expiries(|to| to == Some(queue)).map(|(expiry, _)| expiry).min()
    }

    fn expiries(&self, goes: impl Fn(Option<usize>) -> bool) -> impl Iterator<Item = (Instant, usize)> {
        self.queues.iter().enumerate().filter_map(move |(index, queue)| {
            let expiry = queue.expiry()?;
            let target = queue.terms.dead_letter.as_deref();
            let to = target.and_then(|name| self.find(name));
            (target.is_some() == to.is_some() && goes(to)).then_some((expiry, index))
        })
    }
}

/// Every queue that a spec asks for, with its terms.
fn wanted(spec: &QueueSpec) -> Vec<(String, Terms)> {
    let waits = spec.ladder.iter().map(|delay| (spec.wait_queue(*delay), Terms::of_wait(spec, *delay)));
    [(spec.dead_letter.clone(), Terms::bare()), (spec.name.clone(), Terms::of(spec))]
        .into_iter()
        .chain(waits)
        .collect()
}

fn subject(queue: &str) -> String {
    format!("queue `{queue}`")
}
