//! An argument of a declaration.

use std::time::Duration;

use consumer_core::broker::{QueueKind, QueueSpec};
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// The delivery limit of a queue that nobody consumes. A broker that gives up on a message in a dead-letter queue drops
/// it, because nothing is behind it, and newer ones do so after 20 deliveries unless told otherwise; people who look at
/// such queues deliver what is in them.
const UNLIMITED: i32 = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: AMQPValue,
}

impl Argument {
    pub(super) fn new(name: &str, value: AMQPValue) -> Self {
        Self { name: name.to_owned(), value }
    }

    fn text(name: &str, value: &str) -> Self {
        Self::new(name, AMQPValue::LongString(value.into()))
    }
}

/// Of the queue that a consumer consumes.
pub(super) fn of_queue(queue: &QueueSpec) -> Vec<Argument> {
    let mut arguments = dead_letters_to(&queue.dead_letter);
    match queue.kind {
        QueueKind::Classic => arguments.push(Argument::text("x-queue-type", "classic")),
        _ => {
            arguments.extend(quorum(i32::try_from(queue.delivery_limit).unwrap_or(i32::MAX)));
            arguments.extend(at_least_once());
        }
    }
    arguments
}

pub(super) fn of_dead_letters() -> Vec<Argument> {
    quorum(UNLIMITED).into()
}

/// Of the queue in which copies wait that long. It is a quorum queue whatever its target is: no other kind gives back
/// what expires without losing some.
pub(super) fn of_wait(queue: &QueueSpec, delay: Duration) -> Vec<Argument> {
    let longest = QueueSpec::longest_wait(delay).as_millis();
    let ttl = AMQPValue::LongLongInt(i64::try_from(longest).unwrap_or(i64::MAX));
    let mut arguments = dead_letters_to(&queue.name);
    arguments.extend(quorum(UNLIMITED));
    arguments.extend(at_least_once());
    arguments.push(Argument::new("x-message-ttl", ttl));
    arguments
}

fn dead_letters_to(queue: &str) -> Vec<Argument> {
    vec![Argument::text("x-dead-letter-exchange", ""), Argument::text("x-dead-letter-routing-key", queue)]
}

fn quorum(deliveries: i32) -> [Argument; 2] {
    [
        Argument::text("x-queue-type", "quorum"),
        Argument::new("x-delivery-limit", AMQPValue::LongInt(deliveries)),
    ]
}

/// Without either of these the broker's own dead-lettering may lose a message on its way.
fn at_least_once() -> [Argument; 2] {
    [
        Argument::text("x-dead-letter-strategy", "at-least-once"),
        Argument::text("x-overflow", "reject-publish"),
    ]
}

pub(super) fn table(arguments: &[Argument]) -> FieldTable {
    let mut table = FieldTable::default();
    for argument in arguments {
        // Names come from here or, cut to 255 bytes, from the broker.
        if let Ok(name) = ShortString::try_new(argument.name.as_str()) {
            table.insert(name, argument.value.clone());
        }
    }
    table
}
