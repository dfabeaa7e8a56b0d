//! The settings of a relay, which publishes what the outbox holds.

use std::time::Duration;

/// How this process relays the outbox; given to `Runtime::relay`.
///
/// A runtime relays by itself when a consumer of its app publishes. Say it to change a setting, to relay in a process that
/// publishes nothing itself (one without consumers is possible), or to [switch it off](Self::off) in one that does. Any
/// number of processes may relay one outbox.
///
/// ```
/// # use std::time::Duration;
/// # use consumer_core::outbox::Relay;
/// let relay = Relay::new().exchange("shop.events").window(1024).overdue(Duration::from_secs(60));
/// # let _ = relay;
/// ```
///
/// The environment wins over the code: `CONSUMER_OUTBOX_RELAY` (`on` or `off`), `CONSUMER_OUTBOX_EXCHANGE`,
/// `CONSUMER_OUTBOX_WINDOW`, `CONSUMER_OUTBOX_POLL_MS`, `CONSUMER_OUTBOX_LEASE_SECONDS`, `CONSUMER_OUTBOX_KEEP_SECONDS`,
/// `CONSUMER_OUTBOX_OVERDUE_SECONDS`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to `Runtime::relay`"]
pub struct Relay {
    pub(crate) on: bool,
    pub(crate) exchange: String,
    pub(crate) window: u32,
    pub(crate) poll: Duration,
    pub(crate) lease: Duration,
    pub(crate) keep: Duration,
    pub(crate) overdue: Duration,
}

impl Relay {
    /// Where events go whose route names no exchange: every RabbitMQ has it, and queues bind to it by the event's type.
    pub const DEFAULT_EXCHANGE: &'static str = "amq.topic";
    /// Enough to hide the way to the database and back, few enough to be published again after a crash.
    pub const DEFAULT_WINDOW: u32 = 512;
    /// How long an event waits at most that nobody has told this process of.
    pub const DEFAULT_POLL: Duration = Duration::from_secs(1);
    /// How long the events of a relay that died wait for another one.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);
    /// Long enough to see what was published yesterday.
    pub const DEFAULT_KEEP: Duration = Duration::from_secs(24 * 60 * 60);
    /// Far above any healthy wait.
    pub const DEFAULT_OVERDUE: Duration = Duration::from_secs(5 * 60);
    /// The shortest lease: a relay renews at half of it, and must not be late on a busy machine.
    pub const SHORTEST_LEASE: Duration = Duration::from_secs(2);
    /// The shortest poll: below it the database does nothing else.
    pub const SHORTEST_POLL: Duration = Duration::from_millis(10);

    /// A relay with the defaults.
    pub fn new() -> Self {
        Self {
            on: true,
            exchange: Self::DEFAULT_EXCHANGE.to_owned(),
            window: Self::DEFAULT_WINDOW,
            poll: Self::DEFAULT_POLL,
            lease: Self::DEFAULT_LEASE,
            keep: Self::DEFAULT_KEEP,
            overdue: Self::DEFAULT_OVERDUE,
        }
    }

    /// No relay in this process: others publish what it writes. It tells them after each commit where the database can;
    /// elsewhere they find it when they poll.
    pub fn off() -> Self {
        Self { on: false, ..Self::new() }
    }

    /// The exchange of events whose route names none; `amq.topic` by default. It has to exist: until it does, those events
    /// wait as unroutable.
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.exchange = exchange.into();
        self
    }

    /// How many events this relay has in its hands at once, 512 by default and at least 1. A larger window is faster over a
    /// long way to the database or the broker; whatever is in it may be published twice after a crash.
    pub fn window(mut self, rows: u32) -> Self {
        self.window = rows.max(1);
        self
    }

    /// How often the relay looks by itself, 1 s by default and at least 10 ms. Events that are committed in this process or
    /// announced by another are published at once; all others, and those that were refused, wait for a look.
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval.max(Self::SHORTEST_POLL);
        self
    }

    /// How long an event is reserved for this relay, 30 s by default and at least 2 s; renewed while it works on it. When a
    /// relay dies, the events in its hands wait for so long.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Self::SHORTEST_LEASE);
        self
    }

    /// How long rows are kept after their event was published or given up, 1 day by default: so long it can be looked up.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// How old an unpublished event may get before the health names it, 5 minutes by default.
    pub fn overdue(mut self, age: Duration) -> Self {
        self.overdue = age;
        self
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self::new()
    }
}
