//! Topology: queues as consumers need them, declared or checked.

mod argument;
mod check;
mod difference;
mod examine;
mod look;
mod mismatch;
mod right;
mod verdict;
mod wanted;

use std::time::Duration;

use consumer_core::{
    Error, Result,
    broker::{Binding, QueueSpec, Topology},
};
use lapin::{
    Channel,
    options::QueueBindOptions,
    types::{FieldTable, ShortString},
};
use tokio::time::timeout;

use self::{difference::differences, wanted::Wanted};
pub(super) use self::{examine::examine, look::depth, right::Right};
use super::{
    failure::{self, ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED},
    session::Session,
};

/// How long the broker may take for one queue, with what belongs to it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Declares or checks one queue as it says.
///
/// Every declaration has a channel of its own: a mistake closes the channel it was made on.
pub(super) async fn prepare(session: &Session, queue: &QueueSpec) -> Result<()> {
    let prepared = timeout(PATIENCE, async {
        match queue.topology {
            Topology::Declare => declare_all(session, queue).await,
            Topology::Check => check::pass(session, queue).await,
            _ => Ok(()),
        }
    });
    prepared.await.unwrap_or_else(|_| Err(silent(&queue.name)))
}

async fn declare_all(session: &Session, queue: &QueueSpec) -> Result<()> {
    for wanted in wanted::all(queue) {
        declare(session, &wanted).await?;
    }
    for binding in &queue.bindings {
        bind(session, &queue.name, binding).await?;
    }
    Ok(())
}

async fn declare(session: &Session, wanted: &Wanted) -> Result<()> {
    let differences = differences(session, wanted).await?;
    if differences.is_empty() {
        return Ok(());
    }
    let (found, remedy) = (difference::found(&differences), difference::remedy(&wanted.name));
    Err(Error::topology(format!("queue '{}' {found}. {remedy}", wanted.name)))
}

async fn bind(session: &Session, queue: &str, binding: &Binding) -> Result<()> {
    let Binding { exchange, routing_key } = binding;
    let channel = channel(session).await?;
    let bound = channel
        .queue_bind(
            short(queue)?,
            short(exchange)?,
            short(routing_key)?,
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await;
    bound.map_err(|error| match failure::reply_code(&error) {
        Some(NOT_FOUND) => Error::topology(format!(
            "queue '{queue}' cannot be bound to exchange '{exchange}', which does not exist: whoever publishes to it \
             declares it, so start that first, or leave the binding out"
        )),
        _ => refused(&format!("bind queue '{queue}' to exchange '{exchange}'"), &error),
    })
}

async fn channel(session: &Session) -> Result<Channel> {
    session.channel().await.map_err(|error| refused("open a channel", &error))
}

fn silent(queue: &str) -> Error {
    Error::unavailable(format!("RabbitMQ does not answer about queue '{queue}'"))
}

fn refused(what: &str, error: &lapin::Error) -> Error {
    let said = failure::text(error);
    match failure::reply_code(error) {
        Some(ACCESS_REFUSED) => Error::refused(format!(
            "this user may not {what}: {said}; allow it with `rabbitmqctl set_permissions`, or set topology `check`"
        )),
        Some(NOT_FOUND | RESOURCE_LOCKED | PRECONDITION_FAILED) => {
            Error::topology(format!("cannot {what}: {said}"))
        }
        _ => Error::unavailable(format!("cannot {what} now: {said}")),
    }
}

/// A name for AMQP.
///
/// # Errors
/// [`is_topology`](Error::is_topology) where it has more than 255 bytes.
pub(super) fn short(name: &str) -> Result<ShortString> {
    ShortString::try_new(name).map_err(|error| {
        let start: String = name.chars().take(40).collect();
        Error::topology(format!("the name '{start}…' has more than 255 bytes, which AMQP has no room for"))
            .because(error)
    })
}
