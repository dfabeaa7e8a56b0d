//! The server's side of a subscription: what a consumer was sent, has taken, may still get.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
};

use tokio::sync::Notify;

use super::waiting::Stored;

pub(super) struct Consumer {
    /// Whose it is: closing a connection ends its consumers.
    pub(super) connection: u64,
    /// Which channel it is on.
    pub(super) generation: u64,
    pub(super) cancelled: bool,
    /// Whether it stands in line for the next message of its queue.
    pub(super) in_line: bool,
    /// 0 is unlimited, as in AMQP.
    prefetch: usize,
    prefetched: VecDeque<Stored>,
    handed_out: HashMap<u64, Stored>,
    last_tag: u64,
    bell: Arc<Notify>,
}

impl Consumer {
    pub(super) fn new(connection: u64, prefetch: u16) -> Self {
        Self {
            connection,
            generation: 0,
            cancelled: false,
            in_line: false,
            prefetch: prefetch.into(),
            prefetched: VecDeque::new(),
            handed_out: HashMap::new(),
            last_tag: 0,
            bell: Arc::default(),
        }
    }

    /// Rings when there is something to take.
    pub(super) fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }

    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    pub(super) fn unacked(&self) -> usize {
        self.prefetched.len() + self.handed_out.len()
    }

    pub(super) fn has_credit(&self) -> bool {
        !self.cancelled && (self.prefetch == 0 || self.unacked() < self.prefetch)
    }

    /// How many can be taken at once.
    pub(super) fn prefetched(&self) -> usize {
        self.prefetched.len()
    }

    /// Sends it a message.
    pub(super) fn send(&mut self, stored: Stored) {
        if self.prefetched.is_empty() {
            self.ring();
        }
        self.prefetched.push_back(stored);
    }

    /// Hands out the prefetched message at `index`, with its tag.
    pub(super) fn take(&mut self, index: usize) -> Option<(u64, Stored)> {
        let stored = self.prefetched.remove(index)?;
        self.last_tag += 1;
        self.handed_out.insert(self.last_tag, stored.clone());
        Some((self.last_tag, stored))
    }

    /// What was handed out under a tag, once.
    pub(super) fn settle(&mut self, tag: u64) -> Option<Stored> {
        self.handed_out.remove(&tag)
    }

    /// What it was sent and has not taken, in order.
    pub(super) fn drop_prefetched(&mut self) -> Vec<Stored> {
        mem::take(&mut self.prefetched).into()
    }

    /// All that it was sent and has not settled, in the order it was sent; and a new channel.
    pub(super) fn cut(&mut self) -> Vec<Stored> {
        self.generation += 1;
        self.last_tag = 0;
        let mut handed_out: Vec<_> = mem::take(&mut self.handed_out).into_iter().collect();
        handed_out.sort_unstable_by_key(|(tag, _)| *tag);
        let handed_out = handed_out.into_iter().map(|(_, stored)| stored);
        handed_out.chain(mem::take(&mut self.prefetched)).collect()
    }
}
