//! Handlers: what the macros turn a user's function into, and the app they are registered in.

mod app;
mod config;
mod context;
mod effect;
mod error;
mod extract;
mod failed;
mod rate;
pub mod referred;
mod registry;
pub mod resolve;
mod sending;
pub mod via;
mod wiring;

use std::{future::Future, time::Duration};

pub use self::{
    app::App,
    config::ConsumerConfig,
    context::{Context, Meta, MetaBuilder},
    effect::{CallOf, Completed, Effect, PayloadOf, Performed, RequestBody, Resolution},
    error::HandlerError,
    extract::{Extract, Needs, State},
    failed::Failed,
    rate::RateLimit,
    registry::{Register, Registry},
    sending::{Effects, Outbox, Recording},
};
pub(crate) use self::{
    app::Parts,
    context::States,
    error::panic_text,
    extract::ToComplete,
    registry::{Decoded, ErasedEffect, ErasedHandler, Registered, RegisteredEffect},
    sending::{Buffer, Scheduled, Sending},
};
use crate::{event::Event, storage::Storage};

/// What `#[consumer(…)]` says about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// The scope of deduplication. It survives refactoring and renames of the function.
    pub name: &'static str,
    /// The queue it consumes.
    pub queue: &'static str,
    /// Names it had before: their claims count as its own.
    pub aliases: &'static [&'static str],
    /// How long one call may run; the default where it says none.
    pub timeout: Duration,
}

impl ConsumerSpec {
    /// How long a handler may run where `timeout` says nothing: far below RabbitMQ's consumer timeout of 30 minutes,
    /// far above what a transaction should take.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
}

/// A consumer, whatever its storage: its event and what its attribute says. Written by `#[consumer]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no consumer",
    label = "not a consumer",
    note = "a consumer is an `async fn` with `#[consumer(name = \"…\")]`, named like the function"
)]
pub trait Consumes {
    /// The event it takes.
    type Event: Event;
    /// What its attribute says.
    const SPEC: ConsumerSpec;
}

/// A consumer, as the runtime calls it. Written by `#[consumer]`; not for implementing by hand.
pub trait Handler<S: Storage>: Consumes + Send + Sync + 'static {
    /// Calls the user's function on the unit's transaction.
    fn handle<'a, 's: 'a>(
        event: Self::Event,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
    /// Reports what its parameters ask of the app.
    fn needs(needs: &mut Needs);
}
