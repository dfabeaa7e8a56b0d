//! The terms of a queue: how it was declared.

use std::{iter, time::Duration};

use crate::{
    broker::{QueueKind, QueueSpec},
    message::Message,
};

#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) kind: QueueKind,
    /// Where messages go that came back too often, or whose time is over.
    pub(super) dead_letter: Option<String>,
    /// How often a message may come back.
    pub(super) delivery_limit: Option<u32>,
    /// How long a message may wait.
    ttl: Option<Duration>,
}

impl Terms {
    /// Of the queue that a consumer consumes.
    pub(super) fn of(spec: &QueueSpec) -> Self {
        Self {
            kind: spec.kind,
            dead_letter: Some(spec.dead_letter.clone()),
            delivery_limit: (spec.kind == QueueKind::Quorum).then_some(spec.delivery_limit),
            ttl: None,
        }
    }

    /// Of a queue that gives up on nothing, such as one for dead letters.
    pub(super) fn bare() -> Self {
        Self { kind: QueueKind::Quorum, dead_letter: None, delivery_limit: None, ttl: None }
    }

    /// Of the queue in which copies wait that long.
    pub(super) fn of_wait(spec: &QueueSpec, delay: Duration) -> Self {
        let ttl = Some(QueueSpec::longest_wait(delay));
        Self { dead_letter: Some(spec.name.clone()), ttl, ..Self::bare() }
    }

    /// Whether messages are here for a time only.
    pub(super) fn is_wait(&self) -> bool {
        self.ttl.is_some()
    }

    /// How long a message may wait here: the queue's time or its own, whichever ends first.
    pub(super) fn lifetime(&self, message: &Message) -> Option<Duration> {
        let own = message.properties.expiration.as_deref().and_then(|own| own.parse().ok());
        self.ttl.into_iter().chain(own.map(Duration::from_millis)).min()
    }

    /// The arguments that differ from what is wanted, by RabbitMQ's names.
    pub(super) fn differences(&self, wanted: &Self) -> Vec<String> {
        let differing = iter::zip(self.arguments(), wanted.arguments()).filter(|(is, wanted)| is != wanted);
        differing.map(|((name, is), (_, wanted))| format!("{name} is {is} and not {wanted}")).collect()
    }

    fn arguments(&self) -> [(&'static str, String); 4] {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
        let kind = if self.kind == QueueKind::Quorum { "quorum" } else { "classic" };
        [
            ("x-queue-type", kind.to_owned()),
            ("x-message-ttl", or_none(self.ttl.map(|ttl| ttl.as_millis().to_string()))),
            ("x-dead-letter-routing-key", or_none(self.dead_letter.clone())),
            ("x-delivery-limit", or_none(self.delivery_limit.map(|limit| limit.to_string()))),
        ]
    }
}
