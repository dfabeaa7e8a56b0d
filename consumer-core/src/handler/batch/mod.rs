//! A batch: several events of one type, for a handler that writes them at once.

mod failures;
mod sending;
#[cfg(test)]
mod tests;

use std::{slice, vec};

pub use self::{
    failures::BatchFailures,
    sending::{BatchEffects, BatchOutbox},
};
use super::Meta;
use crate::event::Event;

/// The fresh events of one transaction, taken as the first parameter of a consumer in the place of one event.
///
/// They are what was waiting when the transaction began, at most `batch` of them, duplicates left out; often it is one alone,
/// and never none. Those of one `#[event(key)]` are in the order of their arrival. All that the handler writes for them
/// commits at once; an error rolls all of it back, and each goes to the handler again in a batch of its own. To fail some
/// and commit the others, return [`BatchFailures`].
///
/// It is iterated by value or by reference, over [`Item`]s.
#[derive(Debug)]
pub struct Batch<E>(Vec<Item<E>>);

/// One event of a [`Batch`], with its envelope.
#[derive(Debug)]
pub struct Item<E> {
    /// The event.
    pub event: E,
    meta: Meta,
    /// Its position in the batch.
    index: usize,
}

impl<E> Item<E> {
    pub(crate) fn new(event: E, meta: Meta, index: usize) -> Self {
        Self { event, meta, index }
    }

    /// The envelope of the event, and the attempt.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl<E> Batch<E> {
    pub(crate) fn of(items: Vec<Item<E>>) -> Self {
        Self(items)
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none, which a handler never sees.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its events without their envelopes, in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &E> {
        self.0.iter().map(|item| &item.event)
    }

    /// Its events, in order.
    pub fn iter(&self) -> slice::Iter<'_, Item<E>> {
        self.0.iter()
    }
}

impl<E: Event> Batch<E> {
    /// A batch that no broker delivered, for calling a handler in a test; the ids of its events are `1`, `2`, `3` and so on.
    pub fn for_test(events: impl IntoIterator<Item = E>) -> Self {
        let meta = |(event, number): (E, usize)| {
            let of = event.event_type();
            (Meta::for_test(number.to_string()).event_type(of.name, of.version).build(), event)
        };
        Self::for_test_with(events.into_iter().zip(1..).map(meta))
    }

    /// A batch for a test, each event with its envelope.
    pub fn for_test_with(events: impl IntoIterator<Item = (Meta, E)>) -> Self {
        let item = |(index, (meta, event))| Item::new(event, meta, index);
        Self(events.into_iter().enumerate().map(item).collect())
    }
}

impl<E> IntoIterator for Batch<E> {
    type Item = Item<E>;
    type IntoIter = vec::IntoIter<Item<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'b, E> IntoIterator for &'b Batch<E> {
    type Item = &'b Item<E>;
    type IntoIter = slice::Iter<'b, Item<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
