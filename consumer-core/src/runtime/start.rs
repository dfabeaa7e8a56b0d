//! The start of a runtime, what it refuses, and the stop.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Runtime, RuntimeHandle,
    consumer::Consumer,
    effects::{self, Ledger},
    handle::{ConsumerHandle, OutboxHandle},
    reader::Reader,
    relay::{self, Relaying},
    settings::{self, Settings},
    sweeper::{self, Kept},
    worker::Worker,
};
use crate::{
    broker::Broker,
    clock,
    error::{Error, Result},
    handler::{App, Parts, Registered, RegisteredEffect},
    inbox::ConsumerId,
    outbox::Relay,
    retry::LONGEST_HOLD,
    storage::{ConsumerName, Storage},
};

/// RabbitMQ's default consumer timeout: no delivery is unsettled for longer.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often the gauges are set.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stop waits for what was given up after the grace.
const ABORT_LIMIT: Duration = Duration::from_secs(5);

/// A runtime whose servers are prepared.
pub(super) struct Started<S: Storage, B: Broker> {
    storage: S,
    broker: B,
    settings: Settings,
    handle: RuntimeHandle,
    consumers: Vec<Arc<Consumer<S>>>,
    relay: Relay,
    effects: Arc<Ledger>,
}

/// Checks everything that can be checked, and prepares tables and queues.
pub(super) async fn start<S: Storage, B: Broker>(
    runtime: Runtime<S, B>,
    app: App<S>,
) -> Result<Started<S, B>> {
    let Runtime { storage, broker, settings, handle } = runtime;
    let settings = settings.with_environment()?;
    // What the code says of a relay is a purpose of its own; what the environment says is not.
    match settings.relay.as_ref().is_some_and(|relay| relay.on) {
        true => app.check_without_consumers()?,
        false => app.check()?,
    }
    let Parts { states, consumers: mut registered, effects, keys } = app.into_parts();
    let relay = relay_of(&settings, &registered, &effects)?;
    for consumer in &mut registered {
        consumer.config = settings::with_environment(consumer.spec.name, consumer.config.clone())?;
        check_horizon(consumer, settings.retention)?;
    }
    let effects_config = settings::effects_with_environment(settings.effects)?;
    let bell = handle.0.outbox.bell.clone();
    let effects = Ledger::new(effects, keys, states.clone(), queues(&registered), effects_config, bell);
    let effects = Arc::new(effects);
    check_capacity(&storage, &registered, &relay, &effects)?;
    storage.prepare().await?;
    let ids = storage.enroll(&names(&registered)).await?;
    let queues: Vec<_> = registered.iter().map(|r| r.config.queue.clone()).collect();
    broker.prepare(&queues).await?;
    announce(&storage, &broker, &settings, &registered, &effects);
    announce_relay(&relay);
    let consumer = |(registered, id): (Registered<S>, ConsumerId)| {
        Arc::new(Consumer::new(registered, id, states.clone(), effects.clone(), storage.clone()))
    };
    let consumers: Vec<_> = registered.into_iter().zip(ids).map(consumer).collect();
    Ok(Started { storage, broker, settings, handle, consumers, relay, effects })
}

/// The relay of this process: switched on unless said otherwise if anything in it publishes.
fn relay_of<S: Storage>(
    settings: &Settings,
    registered: &[Registered<S>],
    effects: &[RegisteredEffect],
) -> Result<Relay> {
    let publishes = registered.iter().any(|consumer| consumer.needs.outbox)
        || effects.iter().any(|effect| effect.needs.outbox || effect.spec.on_failure.is_some());
    let by_itself = || if publishes { Relay::new() } else { Relay::off() };
    settings::relay_with_environment(settings.relay.clone().unwrap_or_else(by_itself))
}

/// A claim must be there for as long as its message can come back, and a message must not come back while it waits.
fn check_horizon<S: Storage>(consumer: &Registered<S>, retention: Duration) -> Result<()> {
    let waits = consumer.config.retry.longest();
    if waits > LONGEST_HOLD {
        return Err(Error::settings(format!(
            "a delivery of consumer `{}` can wait {waits:?} between its {} attempts, unsettled, and RabbitMQ's consumer \
             timeout would take it back meanwhile; lower the attempts or the waits, to {LONGEST_HOLD:?} in all",
            consumer.spec.name, consumer.config.retry.attempts
        )));
    }
    let horizon = waits + CONSUMER_TIMEOUT;
    if retention > horizon {
        return Ok(());
    }
    Err(Error::settings(format!(
        "claims are kept for {retention:?}, but a delivery of consumer `{}` can come back for {horizon:?} (its waits and \
         the broker's consumer timeout); raise the retention above it, or duplicates are applied twice",
        consumer.spec.name
    )))
}

/// Every worker holds one connection, the relay one, and the runner of effects one.
fn check_capacity<S: Storage>(
    storage: &S,
    registered: &[Registered<S>],
    relay: &Relay,
    effects: &Ledger,
) -> Result<()> {
    let workers = registered.iter().map(|r| r.config.concurrency).fold(0, usize::saturating_add);
    let (relays, runners) = (usize::from(relay.on), usize::from(!effects.is_empty()));
    let needed = workers.saturating_add(relays + runners);
    let beside = match (relay.on, effects.is_empty()) {
        (false, true) => "",
        (true, true) => " and the relay",
        (false, false) => " and the runner of effects",
        (true, false) => ", the relay and the runner of effects",
    };
    match storage.capacity() {
        Some(capacity) if (capacity as usize) < needed => Err(Error::settings(format!(
            "{workers} workers{beside} need as many connections, the pool has room for {capacity}; raise its \
             `max_connections` or lower the consumers' concurrency"
        ))),
        _ => Ok(()),
    }
}

/// The queue of each consumer, where it hears of effects that have failed.
fn queues<S: Storage>(registered: &[Registered<S>]) -> HashMap<&'static str, String> {
    registered.iter().map(|r| (r.spec.name, r.config.queue.name.clone())).collect()
}

fn names<S: Storage>(registered: &[Registered<S>]) -> Vec<ConsumerName<'static>> {
    registered.iter().map(|r| ConsumerName { name: r.spec.name, aliases: r.spec.aliases }).collect()
}

fn announce<S: Storage, B: Broker>(
    storage: &S,
    broker: &B,
    settings: &Settings,
    registered: &[Registered<S>],
    effects: &Ledger,
) {
    tracing::info!(
        storage = storage.describe(),
        broker = broker.describe(),
        grace = ?settings.grace,
        retention = ?settings.retention,
        "starting"
    );
    if !effects.is_empty() {
        tracing::info!(effects = effects.names().join(", "), "calling effects");
    }
    for consumer @ Registered { spec, config, needs, .. } in registered {
        tracing::info!(
            consumer = spec.name,
            queue = config.queue.name,
            dead_letters = config.queue.dead_letter,
            topology = ?config.queue.topology,
            concurrency = config.concurrency,
            prefetch = config.prefetch,
            timeout = ?spec.timeout,
            attempts = config.retry.attempts,
            max_body_bytes = config.max_body_bytes,
            source = config.source,
            "consumer"
        );
        if let Some(error) = needs.unclassified_error {
            tracing::info!(
                consumer = spec.name,
                error,
                "this error type does not implement `Classify`: a database error in its chain is classified by its \
                 code, everything else is tried again {} times",
                config.retry.attempts.saturating_sub(1)
            );
        }
        let longest = longest(consumer, effects);
        if longest >= CONSUMER_TIMEOUT {
            tracing::warn!(
                consumer = spec.name,
                ?longest,
                "the attempts of one event can take longer than RabbitMQ's consumer timeout of 30 minutes: it would come \
                 again with its first attempt; lower its timeout, those of the effects it waits for, or the attempts"
            );
        }
        if usize::from(config.prefetch) < config.concurrency {
            tracing::warn!(
                consumer = spec.name,
                "prefetch is below concurrency: some workers will never have work"
            );
        }
    }
}

/// How long an event can be unsettled: its attempts, each with the effects that come before it, and the waits between them.
fn longest<S: Storage>(consumer: &Registered<S>, effects: &Ledger) -> Duration {
    let Registered { spec, config, needs, .. } = consumer;
    let before = needs.each_to_complete().into_iter().filter_map(|wanted| effects.get(wanted.effect));
    let attempt = before.fold(spec.timeout, |time, effect| {
        // The provider is asked first, then called.
        let questions = u32::from(effect.spec.resolves);
        time.saturating_add(effect.spec.timeout.saturating_mul(1 + questions))
    });
    attempt.saturating_mul(config.retry.attempts).saturating_add(config.retry.longest())
}

fn announce_relay(relay: &Relay) {
    if !relay.on {
        return;
    }
    tracing::info!(
        exchange = relay.exchange,
        window = relay.window,
        poll = ?relay.poll,
        lease = ?relay.lease,
        keep = ?relay.keep,
        overdue = ?relay.overdue,
        "relaying the outbox"
    );
}

/// The tasks of a running runtime.
struct Tasks<B: Broker> {
    readers: JoinSet<Option<B::Subscription>>,
    workers: JoinSet<()>,
    relay: JoinSet<()>,
    /// Cancelled when nothing more will be committed here.
    committed: CancellationToken,
    waiting: TaskTracker,
    abort: CancellationToken,
}

impl<S: Storage, B: Broker> Started<S, B> {
    pub(super) async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let mut tasks = self.spawn();
        let helpers = self.spawn_helpers();
        let outcome = tokio::select! {
            // A task that has heard of the stop may have returned before this one is polled: that is no death.
            biased;
            () = self.handle.0.stop.cancelled() => Ok(()),
            () = shutdown => Ok(()),
            died = died(&mut tasks) => Err(died),
        };
        if outcome.is_err() {
            self.handle.0.dead.cancel();
        }
        self.handle.0.stop.cancel();
        self.stop(tasks).await;
        drop(helpers);
        self.broker.close().await;
        outcome
    }

    fn spawn(&self) -> Tasks<B> {
        let mut tasks = Tasks {
            readers: JoinSet::new(),
            workers: JoinSet::new(),
            relay: JoinSet::new(),
            committed: CancellationToken::new(),
            waiting: TaskTracker::new(),
            abort: CancellationToken::new(),
        };
        for consumer in &self.consumers {
            self.spawn_consumer(consumer, &mut tasks);
        }
        if self.relay.on {
            tasks.relay.spawn(self.relaying(tasks.committed.clone()).run());
        }
        let handle = |c: &Arc<Consumer<S>>| ConsumerHandle {
            name: c.spec.name,
            gate: c.gate.clone(),
            vitals: c.vitals.clone(),
        };
        // Set once: a runtime is consumed by its run.
        let _ = self.handle.0.consumers.set(self.consumers.iter().map(handle).collect());
        self.spawn_runner(&mut tasks);
        tasks
    }

    fn spawn_runner(&self, tasks: &mut Tasks<B>) {
        if self.effects.is_empty() {
            return;
        }
        let runner = effects::Runner {
            storage: self.storage.clone(),
            ledger: self.effects.clone(),
            stop: self.handle.0.stop.clone(),
            abort: tasks.abort.clone(),
        };
        tasks.workers.spawn(runner.run());
    }

    fn spawn_consumer(&self, consumer: &Arc<Consumer<S>>, tasks: &mut Tasks<B>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let jobs = Arc::new(Mutex::new(receiver));
        for number in 0..consumer.config.concurrency {
            let worker = Worker {
                number,
                consumer: consumer.clone(),
                broker: self.broker.clone(),
                jobs: jobs.clone(),
                abort: tasks.abort.clone(),
                waiting: tasks.waiting.clone(),
            };
            tasks.workers.spawn(worker.run());
        }
        let reader = Reader { consumer: consumer.clone(), broker: self.broker.clone(), jobs: sender };
        tasks.readers.spawn(reader.run());
    }

    fn relaying(&self, stopping: CancellationToken) -> Relaying<S, B> {
        let OutboxHandle { bell, vitals } = self.handle.outbox();
        let (storage, broker, config) = (self.storage.clone(), self.broker.clone(), self.relay.clone());
        Relaying { storage, broker, config, bell, vitals, stopping }
    }

    fn spawn_helpers(&self) -> JoinSet<()> {
        let mut helpers = JoinSet::new();
        let kept = Kept { retention: self.settings.retention, sent: self.relay.keep };
        helpers.spawn(sweeper::run(self.storage.clone(), kept));
        let (storage, bell) = (self.storage.clone(), self.handle.0.outbox.bell.clone());
        match self.relay.on {
            true => helpers.spawn(relay::listen(storage, bell)),
            false => helpers.spawn(relay::announce(storage, bell)),
        };
        let consumers = self.consumers.clone();
        helpers.spawn(async move {
            loop {
                consumers.iter().for_each(|c| c.set_gauges());
                clock::sleep(GAUGE_INTERVAL).await;
            }
        });
        helpers
    }

    /// Finishes what is in work within the grace, and gives up the rest; the broker delivers it again.
    async fn stop(&self, mut tasks: Tasks<B>) {
        self.consumers.iter().for_each(|c| c.gate.close());
        if clock::timeout(self.settings.grace, finish(&mut tasks)).await.is_ok() {
            return;
        }
        tracing::warn!(grace = ?self.settings.grace, "the grace is over: giving up what is still in work");
        tasks.abort.cancel();
        self.consumers.iter().for_each(|c| c.gate.cancelled());
        if clock::timeout(ABORT_LIMIT, finish(&mut tasks)).await.is_err() {
            tracing::warn!("a unit does not end; leaving it to the database");
        }
    }
}

/// Waits for readers and workers; subscriptions stay open until the last settlement was handed in.
async fn finish<B: Broker>(tasks: &mut Tasks<B>) {
    let mut subscriptions = Vec::new();
    while let Some(read) = tasks.readers.join_next().await {
        subscriptions.extend(read.ok());
    }
    while tasks.workers.join_next().await.is_some() {}
    // What was committed last is published before the relay goes.
    tasks.committed.cancel();
    while tasks.relay.join_next().await.is_some() {}
}

/// Waits for a task that ends although nobody has told it to.
async fn died<B: Broker>(tasks: &mut Tasks<B>) -> Error {
    let (what, error) = tokio::select! {
        Some(ended) = tasks.readers.join_next() => ("reader", ended.err()),
        Some(ended) = tasks.workers.join_next() => ("worker", ended.err()),
        Some(ended) = tasks.relay.join_next() => ("relay", ended.err()),
        else => ("task", None),
    };
    let error = error.map_or_else(|| "it returned".to_owned(), |e| e.to_string());
    Error::wiring(format!("a {what} of the runtime has died, which is a bug in this library: {error}"))
}
