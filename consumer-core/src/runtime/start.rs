//! The start of a runtime, what it refuses, and the stop.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::RwLock, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Runtime, RuntimeHandle,
    consumer::Consumer,
    effects::{self, Ledger},
    handle::{ConsumerHandle, OutboxHandle},
    lanes::{Feed, Lanes},
    reader::Reader,
    relay::{self, Relaying},
    settings::{self, Settings},
    survey,
    sweeper::{self, Kept},
    worker::Worker,
};
use crate::{
    broker::{Broker, QueueSpec},
    clock,
    doctor::{self, Deployment, Diagnosis, Finding, Holders, Severity},
    error::{Chain, Error, Result},
    failure::RunnerId,
    handler::{App, Parts, RateLimit, Registered, RegisteredEffect, States},
    inbox::ConsumerId,
    outbox::Relay,
    retry::LONGEST_HOLD,
    storage::{ConsumerName, Storage},
};

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

/// What a start comes to, before any server is asked.
struct Plan<S: Storage> {
    settings: Settings,
    states: Arc<States>,
    registered: Vec<Registered<S>>,
    relay: Relay,
    effects: Arc<Ledger>,
    deployments: Vec<Deployment>,
    holders: Holders,
}

impl<S: Storage> Plan<S> {
    fn of(storage: &S, settings: Settings, handle: &RuntimeHandle, app: App<S>) -> Result<Self> {
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
            check_hold(consumer)?;
        }
        let effects_config = settings::effects_with_environment(settings.effects)?;
        let bell = handle.0.outbox.bell.clone();
        let effects = Ledger::new(effects, keys, states.clone(), queues(&registered), effects_config, bell);
        let workers = registered.iter().map(|r| r.config.concurrency).fold(0, usize::saturating_add);
        let holders = Holders { workers, relay: relay.on, runner: !effects.is_empty() };
        let deployments = deployments(storage, &settings, &registered, holders, &effects);
        let effects = Arc::new(effects);
        Ok(Self { settings, states, registered, relay, effects, deployments, holders })
    }

    fn queues(&self) -> Vec<QueueSpec> {
        self.registered.iter().map(|consumer| consumer.config.queue.clone()).collect()
    }
}

/// Checks everything that can be checked, and prepares tables and queues.
pub(super) async fn start<S: Storage, B: Broker>(
    runtime: Runtime<S, B>,
    app: App<S>,
) -> Result<Started<S, B>> {
    let Runtime { storage, broker, settings, handle } = runtime;
    let plan = Plan::of(&storage, settings, &handle, app)?;
    refuse(&plan.deployments, doctor::capacity(plan.holders, storage.capacity()))?;
    storage.prepare().await?;
    let ids = storage.enroll(&names(&plan.registered)).await?;
    let noted: Vec<_> = plan.deployments.iter().map(|d| (d.consumer.as_str(), d.to_json())).collect();
    storage.note_deployments(&noted).await?;
    broker.prepare(&plan.queues()).await?;
    announce(&storage, &broker, &plan);
    let Plan { settings, states, registered, relay, effects, .. } = plan;
    let consumer = |(registered, id): (Registered<S>, ConsumerId)| {
        Arc::new(Consumer::new(registered, id, states.clone(), effects.clone(), storage.clone()))
    };
    let consumers: Vec<_> = registered.into_iter().zip(ids).map(consumer).collect();
    Ok(Started { storage, broker, settings, handle, consumers, relay, effects })
}

/// All that a start would refuse or warn about, without changing anything.
pub(super) async fn examine<S: Storage, B: Broker>(runtime: Runtime<S, B>, app: App<S>) -> Diagnosis {
    let Runtime { storage, broker, settings, handle } = runtime;
    match Plan::of(&storage, settings, &handle, app) {
        Ok(plan) => {
            let servers = doctor::examine(&storage, &broker, &plan.deployments).await;
            let pool = doctor::capacity(plan.holders, storage.capacity());
            Diagnosis::of(servers.findings().iter().cloned().chain(pool))
        }
        Err(error) => {
            let servers = doctor::examine(&storage, &broker, &[]).await;
            let wiring = Finding::refuses("app", Chain(&error).to_string(), "");
            Diagnosis::of(servers.findings().iter().cloned().chain([wiring]))
        }
    }
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

/// A message must not come back while it waits here.
fn check_hold<S: Storage>(consumer: &Registered<S>) -> Result<()> {
    let waits = consumer.config.retry.longest_held();
    let most = LONGEST_HOLD.min(consumer.config.consumer_timeout);
    if waits <= most {
        return Ok(());
    }
    Err(Error::settings(format!(
        "a delivery of consumer `{}` can wait {waits:?} between its {} attempts at once, unsettled, and the broker's consumer \
         timeout would take it back meanwhile; lower the attempts or the waits, to {most:?} in all",
        consumer.spec.name,
        consumer.config.retry.attempts_at_once()
    )))
}

/// How each consumer is set up, for the doctor and for people.
fn deployments<S: Storage>(
    storage: &S,
    settings: &Settings,
    registered: &[Registered<S>],
    holders: Holders,
    effects: &Ledger,
) -> Vec<Deployment> {
    let deployment = |consumer: &Registered<S>| Deployment {
        consumer: consumer.spec.name.to_owned(),
        queue: consumer.config.queue.clone(),
        concurrency: consumer.config.concurrency,
        prefetch: consumer.config.deliveries(),
        pace: consumer.config.rate.map_or(Duration::ZERO, RateLimit::pace),
        handler_timeout: consumer.spec.timeout,
        longest_hold: longest(consumer, effects),
        consumer_timeout: consumer.config.consumer_timeout,
        retention: settings.retention,
        holders,
        pool: storage.capacity(),
    };
    registered.iter().map(deployment).collect()
}

/// Refuses what cannot work, all of it at once.
fn refuse(deployments: &[Deployment], pool: Option<Finding>) -> Result<()> {
    let refused = findings(deployments, Severity::Refuses).chain(pool);
    let lines: Vec<String> = Diagnosis::of(refused)
        .findings()
        .iter()
        .map(|Finding { found, remedy, .. }| format!("{found}; {remedy}"))
        .collect();
    match lines.is_empty() {
        true => Ok(()),
        false => Err(Error::settings(lines.join("\n"))),
    }
}

fn findings(deployments: &[Deployment], severity: Severity) -> impl Iterator<Item = Finding> {
    deployments.iter().flat_map(doctor::check).filter(move |finding| finding.severity == severity)
}

/// The queue of each consumer, where it hears of effects that have failed.
fn queues<S: Storage>(registered: &[Registered<S>]) -> HashMap<&'static str, String> {
    registered.iter().map(|r| (r.spec.name, r.config.queue.name.clone())).collect()
}

fn names<S: Storage>(registered: &[Registered<S>]) -> Vec<ConsumerName<'static>> {
    registered.iter().map(|r| ConsumerName { name: r.spec.name, aliases: r.spec.aliases }).collect()
}

fn announce<S: Storage, B: Broker>(storage: &S, broker: &B, plan: &Plan<S>) {
    let Plan { settings, registered, effects, deployments, relay, .. } = plan;
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
    for Registered { spec, config, needs, .. } in registered {
        tracing::info!(
            consumer = spec.name,
            queue = config.queue.name,
            dead_letters = config.queue.dead_letter,
            topology = ?config.queue.topology,
            concurrency = config.concurrency,
            prefetch = config.deliveries(),
            batch = config.batch,
            timeout = ?spec.timeout,
            attempts = config.retry.attempts(),
            ladder = ?config.retry.delays(),
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
                config.retry.attempts().saturating_sub(1)
            );
        }
    }
    for Finding { subject, found, remedy, .. } in findings(deployments, Severity::Warns) {
        tracing::warn!(subject, remedy, "{found}");
    }
    announce_relay(relay);
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
    attempt.saturating_mul(config.retry.attempts_at_once()).saturating_add(config.retry.longest_held())
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
        let (runner, crowd) = (RunnerId::random(), Arc::new(RwLock::new(())));
        for consumer in &self.consumers {
            self.spawn_consumer(consumer, runner, &crowd, &mut tasks);
        }
        if self.relay.on {
            tasks.relay.spawn(self.relaying(tasks.committed.clone()).run());
        }
        let handle = |c: &Arc<Consumer<S>>| ConsumerHandle {
            name: c.spec.name,
            gate: c.gate.clone(),
            breaker: c.breaker.clone(),
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

    fn spawn_consumer(
        &self,
        consumer: &Arc<Consumer<S>>,
        runner: RunnerId,
        crowd: &Arc<RwLock<()>>,
        tasks: &mut Tasks<B>,
    ) {
        let lanes = Lanes::new(consumer.keyed);
        for number in 0..consumer.config.concurrency {
            let worker = Worker {
                number,
                consumer: consumer.clone(),
                broker: self.broker.clone(),
                lanes: lanes.clone(),
                runner,
                crowd: crowd.clone(),
                abort: tasks.abort.clone(),
                waiting: tasks.waiting.clone(),
            };
            tasks.workers.spawn(worker.run());
        }
        let reader = Reader { consumer: consumer.clone(), broker: self.broker.clone(), feed: Feed(lanes) };
        tasks.readers.spawn(reader.run());
    }

    fn relaying(&self, stopping: CancellationToken) -> Relaying<S, B> {
        let OutboxHandle { bell, vitals } = self.handle.outbox();
        let (storage, broker, config) = (self.storage.clone(), self.broker.clone(), self.relay.clone());
        Relaying { storage, broker, config, bell, vitals, stopping }
    }

    fn spawn_helpers(&self) -> JoinSet<()> {
        let mut helpers = JoinSet::new();
        let Settings { retention, keep_failures, .. } = self.settings;
        let kept = Kept { retention, failures: keep_failures.max(retention), sent: self.relay.keep };
        helpers.spawn(sweeper::run(self.storage.clone(), kept));
        let (storage, bell) = (self.storage.clone(), self.handle.0.outbox.bell.clone());
        match self.relay.on {
            true => helpers.spawn(relay::listen(storage, bell)),
            false => helpers.spawn(relay::announce(storage, bell)),
        };
        helpers.spawn(survey::run(self.broker.clone(), self.consumers.clone()));
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
