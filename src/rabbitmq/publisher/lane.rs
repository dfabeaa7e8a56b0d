//! A lane: one channel with confirms and several messages in flight.

use std::{
    collections::HashMap,
    future::poll_fn,
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use lapin::{
    Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};

use crate::rabbitmq::{
    message::Outgoing,
    returns::{Fate, Likeness, Returns, Tray},
    session::Session,
};

/// A channel whose confirms and returns belong to the right messages.
///
/// Dropped, which is when the last message on it is no longer waited for, it closes the channel.
#[derive(Debug)]
pub(super) struct Lane {
    channel: Channel,
    tray: Arc<Tray>,
    returns: Returns,
    /// Held while a message is numbered and queued. lapin does one after the other, so that two publishes at once could
    /// swap their confirms.
    order: Mutex<()>,
    retired: AtomicBool,
    casualties: OnceLock<Casualties>,
}

impl Lane {
    /// Opens a channel for at most `window` messages at once.
    pub(super) async fn open(session: &Session, window: usize) -> lapin::Result<Self> {
        let channel = session.channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let returns = session.returns().clone();
        Ok(Self {
            tray: returns.open(channel.id(), window),
            channel,
            returns,
            order: Mutex::default(),
            retired: AtomicBool::new(false),
            casualties: OnceLock::new(),
        })
    }

    /// Whether another message may be sent here.
    pub(super) fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Acquire) && self.channel.status().connected() && !self.tray.is_strange()
    }

    /// Takes no message any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Makes room for a message, if there is any for one like it.
    pub(super) fn take(&self, likeness: Likeness, exchange: &ShortString) -> bool {
        self.is_usable() && self.tray.take(likeness, exchange)
    }

    /// What came of a message that is no longer in flight.
    pub(super) fn give(&self, likeness: Likeness) -> Fate {
        self.tray.give(likeness)
    }

    /// Sends a message for which there is room, mandatory, and waits for the confirm.
    pub(super) async fn publish(&self, outgoing: &mut Outgoing) -> lapin::Result<Confirmation> {
        let mut flight = pin!(self.fly(outgoing));
        // The first poll numbers the message and queues its frames.
        let begun = poll_fn(|cx| {
            let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            Poll::Ready(flight.as_mut().poll(cx))
        });
        match begun.await {
            Poll::Ready(confirmed) => confirmed,
            Poll::Pending => flight.await,
        }
    }

    async fn fly(&self, outgoing: &mut Outgoing) -> lapin::Result<Confirmation> {
        let Outgoing { exchange, routing_key, body, .. } = &*outgoing;
        let (exchange, routing_key, body) = (exchange.clone(), routing_key.clone(), body.clone());
        let properties = mem::take(&mut outgoing.properties);
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        self.channel.basic_publish(exchange, routing_key, options, &body, properties).await?.await
    }

    /// The messages that were in flight when the channel failed, the same for whoever asks.
    pub(super) fn casualties(&self) -> &Casualties {
        self.casualties.get_or_init(|| Casualties(self.tray.by_exchange()))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.returns.close(self.channel.id(), &self.tray);
    }
}

/// How many messages to each exchange were lost with a channel.
#[derive(Debug)]
pub(super) struct Casualties(HashMap<ShortString, usize>);

impl Casualties {
    pub(super) fn all(&self) -> usize {
        self.0.values().sum()
    }

    pub(super) fn to(&self, exchange: &ShortString) -> usize {
        self.0.get(exchange).copied().unwrap_or_default()
    }

    pub(super) fn exchanges(&self) -> impl Iterator<Item = &ShortString> {
        self.0.keys()
    }
}
