//! A proxy in front of RabbitMQ, which looks for the claim before it lets an acknowledgement pass.

mod channel;
mod cursor;
mod frame;
mod method;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    channel::{Channel, Covered},
    frame::{Frame, Frames, HEADER, METHOD},
    method::Method,
};
use super::relay::{Inspector, Passage, Relay};
use crate::{
    auditor::{Auditor, Of},
    endpoint,
};

/// What the proxy has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// Messages delivered.
    pub deliveries: u64,
    /// Of these, delivered before.
    pub redelivered: u64,
    /// Of these, with a consumer whose connection still stands.
    pub unsettled: u64,
    /// Deliveries acknowledged.
    pub acknowledged: u64,
    /// Messages the consumers published and the broker confirmed: dead letters.
    pub dead: BTreeSet<String>,
    /// Acknowledgements that came before the claim, by consumer and event.
    pub early: Vec<Of<String>>,
}

impl Sightings {
    /// # Panics
    /// If invariant I5 is broken: an acknowledgement came before its commit.
    pub fn assert_clean(&self) {
        assert!(self.early.is_empty(), "I5: acknowledged before the commit {:?}", self.early);
        assert!(self.acknowledged > 0, "the proxy saw no acknowledgement, so it proves nothing");
    }
}

/// The proxy.
pub struct AmqpProxy {
    url: String,
    relay: Relay,
    office: Arc<Office>,
}

/// What the connections share.
struct Office {
    auditor: tokio::sync::Mutex<Auditor>,
    sightings: Mutex<Sightings>,
}

impl AmqpProxy {
    /// Stands in front of the broker that `url` names, and asks `auditor` about claims.
    ///
    /// The consumer of a queue is named by what stands behind the queue's last dot.
    pub async fn start(url: &str, auditor: Auditor) -> Self {
        let office =
            Arc::new(Office { auditor: tokio::sync::Mutex::new(auditor), sightings: Mutex::default() });
        let shared = office.clone();
        let relay = Relay::start(endpoint::of(url), move || Watchman::new(shared.clone())).await;
        Self { url: url.to_owned(), relay, office }
    }

    /// The URL of the broker by way of this proxy.
    pub fn url(&self) -> String {
        endpoint::replaced(&self.url, self.relay.address())
    }

    /// What it has seen so far.
    pub fn sightings(&self) -> Sightings {
        self.office.sightings().clone()
    }
}

impl Office {
    fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the claim of each event, before the acknowledgement may pass.
    async fn check(&self, covered: Covered) {
        let consumer = covered.queue.rsplit('.').next().unwrap_or_default();
        let mut early = Vec::new();
        for id in &covered.ids {
            let is_dead = self.sightings().dead.contains(id);
            if !is_dead && !self.auditor.lock().await.is_claimed(consumer, id).await {
                early.push((consumer.to_owned(), id.clone()));
            }
        }
        let mut sightings = self.sightings();
        sightings.acknowledged += covered.ids.len() as u64;
        sightings.unsettled -= covered.ids.len() as u64;
        sightings.early.extend(early);
    }
}

/// Watches one connection.
struct Watchman {
    office: Arc<Office>,
    client: Frames,
    server: Frames,
    channels: HashMap<u16, Channel>,
}

impl Watchman {
    fn new(office: Arc<Office>) -> Self {
        Self { office, client: Frames::default(), server: Frames::default(), channels: HashMap::new() }
    }

    fn channel(&mut self, frame: &Frame) -> &mut Channel {
        self.channels.entry(frame.channel).or_default()
    }

    /// What was owed on a channel goes back to its queue.
    fn forget(&mut self, number: u16) {
        let owed = self.channels.remove(&number).map_or(0, |channel| channel.owed());
        self.office.sightings().unsettled -= owed;
    }

    async fn client_frame(&mut self, frame: &Frame) {
        match (frame.kind, Method::parse(frame.payload())) {
            (METHOD, Some(Method::Fresh)) => self.forget(frame.channel),
            (METHOD, Some(Method::Consume { queue })) => self.channel(frame).consumes(queue),
            (METHOD, Some(Method::Publish)) => self.channel(frame).publishes(),
            (METHOD, Some(Method::Return { tag, multiple })) => {
                let returned = self.channel(frame).settle(tag, multiple);
                self.office.sightings().unsettled -= returned.ids.len() as u64;
            }
            (METHOD, Some(Method::Ack { tag, multiple })) => {
                let covered = self.channel(frame).settle(tag, multiple);
                self.office.check(covered).await;
            }
            (HEADER, _) => {
                let id = method::message_id(frame.payload()).unwrap_or_default();
                self.channel(frame).published(id);
            }
            _ => {}
        }
    }

    fn server_frame(&mut self, frame: &Frame) {
        match (frame.kind, Method::parse(frame.payload())) {
            (METHOD, Some(Method::Deliver { tag, redelivered })) => {
                self.channel(frame).delivers(tag);
                let mut sightings = self.office.sightings();
                sightings.deliveries += 1;
                sightings.redelivered += u64::from(redelivered);
            }
            (METHOD, Some(Method::Ack { tag, multiple })) => {
                let confirmed = self.channel(frame).confirm(tag, multiple);
                self.office.sightings().dead.extend(confirmed);
            }
            (HEADER, _) => {
                let id = method::message_id(frame.payload()).unwrap_or_default();
                let channel = self.channel(frame);
                let before = channel.owed();
                channel.delivered(id);
                let new = channel.owed() - before;
                self.office.sightings().unsettled += new;
            }
            (METHOD, Some(Method::Fresh)) => self.forget(frame.channel),
            _ => {}
        }
    }
}

impl Drop for Watchman {
    fn drop(&mut self) {
        let owed: u64 = self.channels.values().map(Channel::owed).sum();
        self.office.sightings().unsettled -= owed;
    }
}

impl Inspector for Watchman {
    async fn client_sent(&mut self, bytes: &[u8]) -> Passage {
        self.client.feed(bytes);
        let mut passing = Vec::new();
        while let Some(frame) = self.client.next() {
            self.client_frame(&frame).await;
            passing.extend(frame.bytes);
        }
        Passage::Pass(passing)
    }

    async fn server_sent(&mut self, bytes: &[u8]) -> Passage {
        self.server.feed(bytes);
        let mut passing = Vec::new();
        while let Some(frame) = self.server.next() {
            self.server_frame(&frame);
            passing.extend(frame.bytes);
        }
        Passage::Pass(passing)
    }
}
