//! Sending from a batch: each event publishes and schedules by itself.

use std::fmt;

use super::{Batch, Item};
use crate::{
    event::Event,
    handler::{
        Context, Extract, HandlerError, Needs,
        context::About,
        sending::{Effects, Outbox, Sending},
    },
};

/// Publishes events with the transaction of a [`Batch`], each on behalf of one of its events.
///
/// What [`of`](Self::of) gives is the outbox of that event: what it publishes names the event as its cause, and goes nowhere
/// if the event fails.
#[derive(Clone, Copy)]
pub struct BatchOutbox<'a>(Lent<'a>);

/// Schedules effects with the transaction of a [`Batch`], each on behalf of one of its events.
///
/// What [`of`](Self::of) gives are the effects of that event: the keys of their calls are made from its id, and it may schedule
/// an effect that another event of the batch schedules too.
#[derive(Clone, Copy)]
pub struct BatchEffects<'a>(Lent<'a>);

/// The buffers of a batch.
#[derive(Clone, Copy)]
enum Lent<'a> {
    /// One for each event.
    Each(&'a [About]),
    /// The same for all, in a test.
    Recorded(&'a Sending),
}

impl<'a> BatchOutbox<'a> {
    pub(in crate::handler) fn recorded(sending: &'a Sending) -> Self {
        Self(Lent::Recorded(sending))
    }

    /// The outbox of one event.
    ///
    /// # Panics
    /// If the event is of another batch.
    pub fn of<E>(&self, item: &Item<E>) -> Outbox<'a> {
        Outbox::new(self.0.of(item))
    }
}

impl<'a> BatchEffects<'a> {
    pub(in crate::handler) fn recorded(sending: &'a Sending) -> Self {
        Self(Lent::Recorded(sending))
    }

    /// The effects of one event.
    ///
    /// # Panics
    /// If the event is of another batch.
    pub fn of<E>(&self, item: &Item<E>) -> Effects<'a> {
        match self.0 {
            Lent::Each(_) => self.0.of(item).effects(),
            Lent::Recorded(sending) => sending.effects_of(item.index),
        }
    }
}

impl<'a> Lent<'a> {
    fn of<E>(self, item: &Item<E>) -> &'a Sending {
        match self {
            Self::Each(all) => all.get(item.index).map(About::sending).expect("the item is of this batch"),
            Self::Recorded(sending) => sending,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<'a, E: Event> Extract<'a, Batch<E>> for BatchOutbox<'a> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(Self(Lent::Each(cx.about())))
    }

    fn needs(needs: &mut Needs) {
        needs.outbox();
    }
}

#[diagnostic::do_not_recommend]
impl<'a, E: Event> Extract<'a, Batch<E>> for BatchEffects<'a> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(Self(Lent::Each(cx.about())))
    }
}

impl fmt::Debug for BatchOutbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchOutbox")
    }
}

impl fmt::Debug for BatchEffects<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchEffects")
    }
}
