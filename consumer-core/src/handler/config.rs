//! The knobs of one consumer's deployment.

use std::time::Duration;

use super::RateLimit;
use crate::{
    broker::{Binding, QueueKind, QueueSpec, Topology},
    circuit::CircuitBreaker,
    retry::RetryPolicy,
};

/// How one consumer is deployed: what may differ between two installations of the same code.
///
/// Set it with [`App::register_with`](super::App::register_with); the environment
/// (`CONSUMER_<NAME>_CONCURRENCY`, `CONSUMER_<NAME>_PREFETCH`) wins over the code.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    pub(crate) concurrency: usize,
    pub(crate) prefetch: Option<u16>,
    pub(crate) batch: u16,
    pub(crate) recent: usize,
    pub(crate) max_body_bytes: usize,
    pub(crate) source: String,
    pub(crate) retry: RetryPolicy,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) max_hops: u32,
    pub(crate) consumer_timeout: Duration,
    pub(crate) queue: QueueSpec,
}

impl ConsumerConfig {
    /// Workers of a consumer by default.
    pub const DEFAULT_CONCURRENCY: usize = 8;
    /// Unsettled deliveries of a consumer by default: enough to keep the workers busy while acknowledgements travel.
    pub const DEFAULT_PREFETCH: u16 = 64;
    /// Bodies larger than this are dead-lettered unread. RabbitMQ's own limit is 16 MiB since 4.0.
    pub const DEFAULT_MAX_BODY_BYTES: usize = 1024 * 1024;

    /// Events in a chain, each published while the one before it was processed, before the last one is taken for part of a
    /// circle.
    pub const DEFAULT_MAX_HOPS: u32 = 16;
    /// RabbitMQ's own default: no delivery may be unsettled for longer.
    pub const DEFAULT_CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    pub(crate) fn of(spec: &super::ConsumerSpec) -> Self {
        Self { batch: spec.batch.max(1), ..Self::new(spec.queue) }
    }

    fn new(queue: &str) -> Self {
        let retry = RetryPolicy::default();
        Self {
            concurrency: Self::DEFAULT_CONCURRENCY,
            prefetch: None,
            batch: 1,
            recent: 0,
            max_body_bytes: Self::DEFAULT_MAX_BODY_BYTES,
            source: String::new(),
            breaker: CircuitBreaker::default(),
            rate: None,
            max_hops: Self::DEFAULT_MAX_HOPS,
            consumer_timeout: Self::DEFAULT_CONSUMER_TIMEOUT,
            queue: QueueSpec { ladder: retry.as_given(), ..QueueSpec::new(queue) },
            retry,
        }
    }

    /// How many events are processed at once; each worker holds one database connection. At least 1.
    #[must_use]
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers.max(1);
        self
    }

    /// How many deliveries may wait here, unsettled, those in work included. At least 1. Without it
    /// [64](Self::DEFAULT_PREFETCH), or four batches for each worker where that is more: one in work, one that waits, and two
    /// whose acknowledgements travel.
    #[must_use]
    pub fn prefetch(mut self, deliveries: u16) -> Self {
        self.prefetch = Some(deliveries.max(1));
        self
    }

    /// As it was said, or what the batches need.
    pub(crate) fn deliveries(&self) -> u16 {
        let batches = usize::from(self.batch).saturating_mul(self.concurrency).saturating_mul(4);
        let needed = if self.batch > 1 { u16::try_from(batches).unwrap_or(u16::MAX) } else { 1 };
        self.prefetch.unwrap_or(Self::DEFAULT_PREFETCH.max(needed))
    }

    /// How many events that this process has committed last are kept in memory, about 100 bytes each, so that their
    /// duplicates are skipped without the database; none by default. It pays where a publisher repeats itself within seconds.
    ///
    /// Only what was surely committed is kept, and the table decides about everything else. A claim that somebody deletes by
    /// hand, so that its event is processed again, stays here until the process ends.
    #[must_use]
    pub fn recent_events(mut self, events: usize) -> Self {
        self.recent = events;
        self
    }

    /// Bodies larger than this go to the dead-letter queue unread.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// The source of events whose message names none. Changing it makes every event a new one.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// What happens after a failure: how often an event is tried at once, and after which delays again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.queue.ladder = policy.as_given();
        self.retry = policy;
        self
    }

    /// When consuming pauses because what it depends on is in trouble.
    #[must_use]
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = breaker;
        self
    }

    /// How many deliveries are taken up in a time at the most; without it as many as the workers manage. It holds for each
    /// process by itself.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate = Some(limit);
        self
    }

    /// How many events may lead to one, each published while the one before it was processed; beyond it the event goes to the
    /// dead-letter queue with reason `hop-limit`, because two consumers that answer each other never end.
    #[must_use]
    pub fn max_hops(mut self, hops: u32) -> Self {
        self.max_hops = hops;
        self
    }

    /// How long the broker lets a delivery be unsettled (RabbitMQ's `consumer_timeout`, 30 minutes unless its configuration
    /// says otherwise). What is held while the circuit breaker is open, or the consumer paused, goes back after half of it.
    #[must_use]
    pub fn consumer_timeout(mut self, timeout: Duration) -> Self {
        self.consumer_timeout = timeout;
        self
    }

    /// How long a delivery may be held without being worked on.
    pub(crate) fn longest_hold(&self) -> Duration {
        self.consumer_timeout / 2
    }

    /// Whether the queue is declared at start, checked, or left alone.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.queue.topology = topology;
        self
    }

    /// How the queue is stored.
    #[must_use]
    pub fn queue_kind(mut self, kind: QueueKind) -> Self {
        self.queue.kind = kind;
        self
    }

    /// Another queue than the function names: for an installation that shares its broker with others.
    ///
    /// Its dead letters go to `<queue>.dlq`, unless [`dead_letter_queue`](Self::dead_letter_queue) has said otherwise.
    /// Claims belong to the consumer's name and stay valid.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        let renamed = QueueSpec::new(name);
        if self.queue.dead_letter == QueueSpec::new(self.queue.name).dead_letter {
            self.queue.dead_letter = renamed.dead_letter;
        }
        self.queue.name = renamed.name;
        self
    }

    /// The queue for dead letters, `<queue>.dlq` by default.
    #[must_use]
    pub fn dead_letter_queue(mut self, name: impl Into<String>) -> Self {
        self.queue.dead_letter = name.into();
        self
    }

    /// The queue's `x-delivery-limit`, the last resort for messages that kill the process before anybody counts it; quorum
    /// queues only.
    #[must_use]
    pub fn delivery_limit(mut self, deliveries: u32) -> Self {
        self.queue.delivery_limit = deliveries;
        self
    }

    /// Binds the queue to an exchange, which has to exist. May be said several times.
    #[must_use]
    pub fn bind(mut self, exchange: impl Into<String>, routing_key: impl Into<String>) -> Self {
        self.queue.bindings.push(Binding { exchange: exchange.into(), routing_key: routing_key.into() });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(config: &ConsumerConfig) -> (&str, &str) {
        (&config.queue.name, &config.queue.dead_letter)
    }

    #[test]
    fn another_queue_takes_its_dead_letters_along() {
        let config = ConsumerConfig::new("orders").queue("staging.orders");
        assert_eq!(names(&config), ("staging.orders", "staging.orders.dlq"));
    }

    #[test]
    fn a_dead_letter_queue_that_was_chosen_stays_chosen() {
        let config = ConsumerConfig::new("orders").dead_letter_queue("graveyard").queue("staging.orders");
        assert_eq!(names(&config), ("staging.orders", "graveyard"));
    }
}
