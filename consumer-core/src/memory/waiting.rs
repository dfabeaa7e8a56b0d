//! The messages that wait in a queue, in the order in which they go out.

use std::{collections::VecDeque, sync::Arc};

use crate::{broker::QueueKind, clock::Instant, message::Message};

/// The header in which a quorum queue says how often a message came back.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// A message in a queue, or with one of its consumers.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) message: Arc<Message>,
    /// How often it came back.
    pub(super) returns: u32,
    /// Its place among the messages of the queue.
    pub(super) position: u64,
    /// When its time is over.
    pub(super) expires: Option<Instant>,
}

impl Stored {
    /// As a consumer gets it.
    pub(super) fn to_message(&self, kind: QueueKind) -> Message {
        let mut message = Message::clone(&self.message);
        if kind == QueueKind::Quorum && self.returns > 0 {
            message.headers.insert(DELIVERY_COUNT, i64::from(self.returns));
        }
        message
    }
}

#[derive(Default)]
pub(super) struct Waiting {
    /// What came back; it goes out before what never did.
    returned: VecDeque<Stored>,
    ready: VecDeque<Stored>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.returned.len() + self.ready.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.returned.iter().chain(&self.ready)
    }

    pub(super) fn first(&self) -> Option<&Stored> {
        self.returned.front().or_else(|| self.ready.front())
    }

    pub(super) fn push(&mut self, stored: Stored) {
        self.ready.push_back(stored);
    }

    /// Takes a message that came back.
    ///
    /// A classic queue restores its place. A quorum queue keeps what came back in the order it did, ahead of the rest.
    pub(super) fn put_back(&mut self, stored: Stored, kind: QueueKind) {
        let index = match kind {
            QueueKind::Quorum => self.returned.len(),
            QueueKind::Classic => self.returned.partition_point(|other| other.position < stored.position),
        };
        self.returned.insert(index, stored);
    }

    /// Takes out the message at `index`.
    pub(super) fn take(&mut self, index: usize) -> Option<Stored> {
        match index.checked_sub(self.returned.len()) {
            None => self.returned.remove(index),
            Some(index) => self.ready.remove(index),
        }
    }

    pub(super) fn clear(&mut self) {
        self.returned.clear();
        self.ready.clear();
    }
}
