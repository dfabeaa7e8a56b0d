//! Topology: queues as consumers need them, declared or checked.

use std::time::Duration;

use consumer_core::{
    Error, Result,
    broker::{Binding, QueueKind, QueueSpec, Topology},
};
use lapin::{
    Channel,
    options::{QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    failure::{self, ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED},
    mismatch::Mismatch,
    session::Session,
};

/// Arguments that can differ, one after the other; RabbitMQ has fewer than this.
const MOST_ARGUMENTS: usize = 32;
/// The delivery limit of a dead-letter queue. Nothing is behind it, so a broker that gives up on a message there drops
/// it, and newer ones do so after 20 deliveries unless told otherwise; people who look at dead letters deliver them.
const DEAD_LETTER_LIMIT: i32 = 1_000_000;

/// How long the broker may take for one queue.
const PATIENCE: Duration = Duration::from_secs(15);

/// Declares or checks one queue as it says.
///
/// Every declaration has a channel of its own: a mistake closes the channel it was made on.
pub(super) async fn prepare(session: &Session, queue: &QueueSpec) -> Result<()> {
    let prepared = timeout(PATIENCE, async {
        match queue.topology {
            Topology::Declare => declare_all(session, queue).await,
            Topology::Check => check(session, queue).await,
            _ => Ok(()),
        }
    });
    prepared.await.unwrap_or_else(|_| {
        Err(Error::unavailable(format!("RabbitMQ does not answer about queue '{}'", queue.name)))
    })
}

async fn declare_all(session: &Session, queue: &QueueSpec) -> Result<()> {
    declare(session, &queue.dead_letter, dead_letter_arguments()).await?;
    declare(session, &queue.name, arguments(queue)).await?;
    for binding in &queue.bindings {
        bind(session, &queue.name, binding).await?;
    }
    Ok(())
}

async fn declare(session: &Session, name: &str, arguments: Vec<Argument>) -> Result<()> {
    let differences = differences(session, name, arguments).await?;
    if differences.is_empty() {
        return Ok(());
    }
    let list = differences.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("; ");
    Err(Error::topology(format!(
        "queue '{name}' exists with other arguments: {list}. A queue's arguments cannot be changed: either consume it as \
         it is, with topology `check` or `leave`, or declare what it has, or drain, delete and declare it again \
         (`rabbitmqctl delete_queue {name}`), or set what differs by a policy"
    )))
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

async fn check(session: &Session, queue: &QueueSpec) -> Result<()> {
    exists(session, &queue.dead_letter, "dead-letter queue").await?;
    exists(session, &queue.name, "queue").await?;
    match differences(session, &queue.name, arguments(queue)).await {
        Ok(differences) => differences.iter().for_each(|difference| judge(&queue.name, difference)),
        // A user without the right to configure may still consume.
        Err(error) => info!(queue = queue.name, %error, "the arguments of a queue could not be checked"),
    }
    Ok(())
}

async fn exists(session: &Session, name: &str, what: &str) -> Result<()> {
    let options = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    let found = channel(session).await?.queue_declare(short(name)?, options, FieldTable::default()).await;
    found.map(drop).map_err(|error| match failure::reply_code(&error) {
        Some(NOT_FOUND) => Error::topology(format!(
            "{what} '{name}' does not exist, and topology `check` declares nothing: declare it, or set topology `declare`"
        )),
        _ => refused(&format!("look at {what} '{name}'"), &error),
    })
}

/// Says what a difference means for messages.
fn judge(queue: &str, difference: &Mismatch) {
    let found = difference.found.as_deref();
    let loses = match (difference.argument.as_str(), found) {
        ("durable", _) => "a restart of the broker loses the queue and what is in it",
        ("auto_delete", Some("true")) => "the queue goes, with what is in it, when its last consumer goes",
        ("x-dead-letter-exchange" | "x-dead-letter-routing-key", _) => {
            "what the broker itself gives up on goes elsewhere, or nowhere"
        }
        ("x-dead-letter-strategy" | "x-overflow", _) => {
            "what the broker itself gives up on can get lost on its way"
        }
        ("x-message-ttl" | "x-expires", Some(_)) => "messages vanish by their age",
        ("x-max-length" | "x-max-length-bytes", Some(_)) => "a full queue drops or rejects messages",
        ("x-queue-type", Some("classic")) => {
            "no delivery is counted, so a message that kills the process comes for ever"
        }
        _ => return info!(queue, %difference, "a queue is not as this consumer would declare it"),
    };
    warn!(queue, %difference, loses, "a queue can lose messages");
}

/// What of a queue that exists is not as declared; declares it if it does not exist.
///
/// The broker names only the first difference, and what the queue has there. With that taken over, the next attempt
/// names the next one.
async fn differences(session: &Session, name: &str, mut arguments: Vec<Argument>) -> Result<Vec<Mismatch>> {
    let mut found = Vec::new();
    let mut options = QueueDeclareOptions::durable();
    for _ in 0..MOST_ARGUMENTS {
        let declared = channel(session).await?.queue_declare(short(name)?, options, table(&arguments)).await;
        let Err(error) = declared else { return Ok(found) };
        match mismatch(&error) {
            Some(mismatch) => {
                let known = adopt(&mismatch, &mut options, &mut arguments);
                found.push(mismatch);
                if !known {
                    return Ok(found);
                }
            }
            None => return Err(refused(&format!("declare queue '{name}'"), &error)),
        }
    }
    Ok(found)
}

fn mismatch(error: &lapin::Error) -> Option<Mismatch> {
    (failure::reply_code(error) == Some(PRECONDITION_FAILED))
        .then(|| Mismatch::parse(&failure::text(error)))?
}

/// Takes over what the queue has; `false` if that is not possible.
fn adopt(mismatch: &Mismatch, options: &mut QueueDeclareOptions, arguments: &mut Vec<Argument>) -> bool {
    let is_true = mismatch.found.as_deref() == Some("true");
    match mismatch.argument.as_str() {
        "durable" => options.durable = is_true,
        "auto_delete" => options.auto_delete = is_true,
        name => {
            let before = arguments.len();
            arguments.retain(|argument| argument.name != name);
            match &mismatch.found {
                Some(found) => arguments.push(Argument { name: name.to_owned(), value: guess(found) }),
                // Neither side has it: to go on would ask the same question again.
                None if arguments.len() == before => return false,
                None => {}
            }
        }
    }
    true
}

/// A value of which only the text is known.
fn guess(text: &str) -> AMQPValue {
    match (text, text.parse()) {
        ("true" | "false", _) => AMQPValue::Boolean(text == "true"),
        (_, Ok(number)) => AMQPValue::LongLongInt(number),
        _ => AMQPValue::LongString(text.into()),
    }
}

/// An argument of a declaration.
#[derive(Clone, Debug)]
struct Argument {
    name: String,
    value: AMQPValue,
}

fn argument(name: &str, value: impl Into<String>) -> Argument {
    Argument { name: name.to_owned(), value: AMQPValue::LongString(value.into().into()) }
}

fn limit(deliveries: i32) -> Argument {
    Argument { name: "x-delivery-limit".to_owned(), value: AMQPValue::LongInt(deliveries) }
}

fn arguments(queue: &QueueSpec) -> Vec<Argument> {
    let mut arguments = vec![
        argument("x-dead-letter-exchange", ""),
        argument("x-dead-letter-routing-key", &queue.dead_letter),
    ];
    match queue.kind {
        QueueKind::Classic => arguments.push(argument("x-queue-type", "classic")),
        // Without either of the last two the broker's own dead-lettering may lose a message on its way.
        _ => arguments.extend([
            argument("x-queue-type", "quorum"),
            limit(i32::try_from(queue.delivery_limit).unwrap_or(i32::MAX)),
            argument("x-dead-letter-strategy", "at-least-once"),
            argument("x-overflow", "reject-publish"),
        ]),
    }
    arguments
}

fn dead_letter_arguments() -> Vec<Argument> {
    vec![argument("x-queue-type", "quorum"), limit(DEAD_LETTER_LIMIT)]
}

fn table(arguments: &[Argument]) -> FieldTable {
    let mut table = FieldTable::default();
    for argument in arguments {
        // Names come from here or, cut to 255 bytes, from the broker.
        if let Ok(name) = ShortString::try_new(argument.name.as_str()) {
            table.insert(name, argument.value.clone());
        }
    }
    table
}

async fn channel(session: &Session) -> Result<Channel> {
    session.channel().await.map_err(|error| refused("open a channel", &error))
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
