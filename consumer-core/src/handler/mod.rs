//! Handlers: what the macros turn a user's function into, and the app they are registered in.

mod app;
mod batch;
mod config;
mod context;
mod effect;
mod error;
mod extract;
mod failed;
mod input;
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
    batch::{Batch, BatchEffects, BatchFailures, BatchOutbox, Item},
    config::ConsumerConfig,
    context::{Context, Meta, MetaBuilder},
    effect::{CallOf, Completed, Effect, PayloadOf, Performed, RequestBody, Resolution},
    error::HandlerError,
    extract::{Extract, Needs, OneEvent, State},
    failed::Failed,
    input::Input,
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
use crate::storage::Storage;

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
    /// How many events one transaction takes up at the most; 1 = each has its own.
    pub batch: u16,
}

impl ConsumerSpec {
    /// How long a handler may run where `timeout` says nothing: far below RabbitMQ's consumer timeout of 30 minutes,
    /// far above what a transaction should take.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
}

/// A consumer, whatever its storage: its input and what its attribute says. Written by `#[consumer]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no consumer",
    label = "not a consumer",
    note = "a consumer is an `async fn` with `#[consumer(name = \"…\")]`, named like the function"
)]
pub trait Consumes {
    /// What it takes.
    type Input: Input;
    /// What its attribute says.
    const SPEC: ConsumerSpec;
    /// How many events one transaction takes up where the attribute does not say.
    #[doc(hidden)]
    const BATCH: u16 = <Self::Input as Input>::SIZE;
}

/// A consumer, as the runtime calls it. Written by `#[consumer]`; not for implementing by hand.
pub trait Handler<S: Storage>: Consumes + Send + Sync + 'static {
    /// Calls the user's function on the unit's transaction.
    fn handle<'a, 's: 'a>(
        input: Self::Input,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> impl Future<Output = Result<BatchFailures, HandlerError>> + Send;
    /// Reports what its parameters ask of the app.
    fn needs(needs: &mut Needs);
}
