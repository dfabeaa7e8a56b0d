//! Suspects: what is published alone, because others would suffer with it.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lapin::types::ShortString;

use crate::rabbitmq::{message::Outgoing, returns::Likeness};

/// How many suspects are remembered. Beyond that all are forgotten, which costs one channel for each that is guilty.
const MOST: usize = 4096;
/// Bodies from here on are published alone: the broker closes the channel over one that is too large for it, and
/// whatever is behind a large one waits for it anyway.
const LARGE: usize = 1 << 20;

/// Something that messages have in common that were refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Suspect {
    /// The broker closed a channel and named this exchange.
    Exchange(ShortString),
    /// Messages for this exchange with this routing key were refused, or not confirmed in time.
    Route(ShortString, ShortString),
    /// The broker closed a channel on which messages like this one were in flight, or something came back there that
    /// nobody recognised.
    Message(Likeness),
}

impl Suspect {
    pub(super) fn exchange(outgoing: &Outgoing) -> Self {
        Self::Exchange(outgoing.exchange.clone())
    }

    pub(super) fn route(outgoing: &Outgoing) -> Self {
        Self::Route(outgoing.exchange.clone(), outgoing.routing_key.clone())
    }
}

/// What ended a channel, or was refused on one: from then on it has a channel of its own, with one message in flight,
/// until one of its messages is taken there.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Whether there is any, asked for each message.
    any: AtomicBool,
    all: Mutex<HashSet<Suspect>>,
}

impl Suspects {
    /// Whether a message must not share a channel.
    pub(super) fn are_in(&self, outgoing: &Outgoing) -> bool {
        is_delicate(outgoing) || self.any.load(Ordering::Acquire) && self.have(outgoing)
    }

    fn have(&self, outgoing: &Outgoing) -> bool {
        let all = self.all();
        of(outgoing).iter().any(|suspect| all.contains(suspect))
    }

    pub(super) fn add(&self, suspect: Suspect) {
        let mut all = self.all();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(suspect);
        self.any.store(true, Ordering::Release);
    }

    /// The broker took this message where it was alone, or returned it.
    pub(super) fn clear(&self, outgoing: &Outgoing) {
        let mut all = self.all();
        for suspect in of(outgoing) {
            all.remove(&suspect);
        }
        self.any.store(!all.is_empty(), Ordering::Release);
    }

    fn all(&self) -> MutexGuard<'_, HashSet<Suspect>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of(outgoing: &Outgoing) -> [Suspect; 3] {
    [Suspect::exchange(outgoing), Suspect::route(outgoing), Suspect::Message(outgoing.likeness)]
}

/// Whether the broker looks at something in it that it closes channels over.
fn is_delicate(outgoing: &Outgoing) -> bool {
    outgoing.is_checked || outgoing.body.len() >= LARGE
}
