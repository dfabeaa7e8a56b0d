//! The runtime: brings an app, a storage and a broker together, until it is told to stop.

mod batch;
mod bench;
mod breaker;
mod consumer;
mod effects;
mod gate;
mod handle;
mod health;
mod intake;
mod job;
mod lanes;
mod limit;
mod reader;
mod recent;
mod relay;
mod session;
mod settings;
mod shutdown;
mod start;
mod storm;
mod survey;
mod sweeper;
mod unit;
mod vitals;
mod worker;

use std::{
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

pub use self::{
    effects::EffectsConfig,
    handle::{ConsumerHandle, OutboxHandle, RuntimeHandle},
    health::Health,
    settings::{Secret, optional_secret, secret},
    shutdown::shutdown_signal,
    survey::FailedEvents,
};
use self::{handle::Shared, settings::Settings};
use crate::{
    broker::Broker, doctor::Diagnosis, error::Result, handler::App, outbox::Relay, storage::Storage,
};

/// Runs consumers on one storage and one broker.
///
/// ```no_run
/// # use consumer_core::{App, Broker, Result, Runtime, Storage, runtime::shutdown_signal};
/// # async fn example<S: Storage, B: Broker>(store: S, broker: B, app: App<S>) -> Result<()> {
/// Runtime::new(store, broker).run(app).until(shutdown_signal()).await
/// # }
/// ```
pub struct Runtime<S: Storage, B: Broker> {
    storage: S,
    broker: B,
    settings: Settings,
    handle: RuntimeHandle,
}

impl<S: Storage, B: Broker> Runtime<S, B> {
    /// A runtime that has not started.
    pub fn new(storage: S, broker: B) -> Self {
        let state = broker.clone();
        let shared = Shared {
            broker: Box::new(move || state.state()),
            consumers: OnceLock::new(),
            outbox: OutboxHandle::default(),
            stop: CancellationToken::new(),
            dead: CancellationToken::new(),
        };
        Self { storage, broker, settings: Settings::default(), handle: RuntimeHandle(Arc::new(shared)) }
    }

    /// How long a shutdown waits for what is in work before it gives it up; 30 seconds by default.
    /// `CONSUMER_GRACE_SECONDS` wins over it.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How long the record of a processed event is kept; 7 days by default. `CONSUMER_RETENTION_SECONDS` wins over it.
    ///
    /// It must exceed the longest time a message can come back: a duplicate of a swept event is applied again. On PostgreSQL a
    /// record may stay for a hundredth longer, as large tables are swept in passes.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.settings.retention = retention;
        self
    }

    /// How long the failure record of a dead letter is kept at most, and with it the claim of its event; 90 days by default.
    /// `CONSUMER_KEEP_FAILURES_SECONDS` wins over it.
    #[must_use]
    pub fn keep_failures(mut self, keep: Duration) -> Self {
        self.settings.keep_failures = keep;
        self
    }

    /// How this process relays the outbox. Without it, it does with the defaults if a consumer of its app publishes.
    ///
    /// With a relay that is said here the app may be without consumers: a process that does nothing but relay.
    #[must_use]
    pub fn relay(mut self, relay: Relay) -> Self {
        self.settings.relay = Some(relay);
        self
    }

    /// How this process runs effects.
    #[must_use]
    pub fn effects(mut self, config: EffectsConfig) -> Self {
        self.settings.effects = config;
        self
    }

    /// A handle that stays valid while the runtime runs.
    pub fn handle(&self) -> RuntimeHandle {
        self.handle.clone()
    }

    /// Whether the process lives and is ready; ask the [handle](Self::handle) while it runs.
    pub fn health(&self) -> Health {
        self.handle.health()
    }

    /// All that a start of this app would refuse or warn about, each with its remedy, without changing anything: for a
    /// command of the application's own. `consumer doctor` says the same of what was running last.
    ///
    /// ```no_run
    /// # use consumer_core::{App, Broker, Runtime, Storage};
    /// # async fn example<S: Storage, B: Broker>(store: S, broker: B, app: App<S>) {
    /// for finding in Runtime::new(store, broker).examine(app).await.findings() {
    ///     println!("{finding}");
    /// }
    /// # }
    /// ```
    pub async fn examine(self, app: App<S>) -> Diagnosis {
        start::examine(self, app).await
    }

    /// Runs an app; nothing happens before [`Run::until`].
    pub fn run(self, app: App<S>) -> Run<S, B> {
        Run { runtime: self, app }
    }
}

/// A runtime with its app, about to start.
#[must_use = "nothing runs before `.until(…)` is awaited"]
pub struct Run<S: Storage, B: Broker> {
    runtime: Runtime<S, B>,
    app: App<S>,
}

impl<S: Storage, B: Broker> Run<S, B> {
    /// A handle that stays valid while the runtime runs.
    pub fn handle(&self) -> RuntimeHandle {
        self.runtime.handle()
    }

    /// Starts, consumes until `shutdown` resolves or [`RuntimeHandle::stop`] is called, and stops in good order: no
    /// more deliveries are taken up, what is in work is finished within the grace, the rest goes back to the queue.
    ///
    /// # Errors
    /// Whatever the start refuses: see [`App::check`], [`Storage::prepare`], [`Broker::prepare`]. Later only if one of
    /// the runtime's own tasks dies, which is a bug; nothing is lost by it.
    pub async fn until(self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let (handle, broker) = (self.runtime.handle(), self.runtime.broker.clone());
        let mut shutdown = pin!(shutdown);
        let started = tokio::select! {
            biased;
            started = start::start(self.runtime, self.app) => Some(started?),
            () = &mut shutdown => None,
            () = handle.0.stop.cancelled() => None,
        };
        match started {
            Some(started) => started.run(shutdown).await,
            None => {
                broker.close().await;
                Ok(())
            }
        }
    }
}
