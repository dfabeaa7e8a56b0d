//! A queue that a spec asks for.

use std::fmt;

use consumer_core::broker::QueueSpec;

use super::argument::{self, Argument};

/// What a queue is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Work,
    DeadLetters,
    Wait,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Work => "queue",
            Self::DeadLetters => "dead-letter queue",
            Self::Wait => "wait queue",
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) arguments: Vec<Argument>,
}

impl Wanted {
    fn new(name: String, role: Role, arguments: Vec<Argument>) -> Self {
        Self { name, role, arguments }
    }

    /// As a finding names it.
    pub(super) fn subject(&self) -> String {
        format!("{} `{}`", self.role, self.name)
    }
}

/// All of them, each after what it dead-letters to as far as that is possible.
pub(super) fn all(queue: &QueueSpec) -> Vec<Wanted> {
    let waits = queue
        .ladder
        .iter()
        .map(|delay| Wanted::new(queue.wait_queue(*delay), Role::Wait, argument::of_wait(queue, *delay)));
    [
        Wanted::new(queue.dead_letter.clone(), Role::DeadLetters, argument::of_dead_letters()),
        Wanted::new(queue.name.clone(), Role::Work, argument::of_queue(queue)),
    ]
    .into_iter()
    .chain(waits)
    .collect()
}
