//! The events of a batch that could not be decided.

use std::collections::BTreeMap;

use super::{super::HandlerError, Item};

/// Which events of a [`Batch`](super::Batch) could not be decided; the others commit.
///
/// Returned as `Ok(failures)` in the place of `Ok(())`, where `F` is any type that can be a handler's error. Without a failure
/// it means the same. Each failed event goes on as if a handler of one event had returned its error: by the error's class it
/// is tried again or dead-lettered. Its claim is taken back, and what was published and scheduled for it goes nowhere; what the
/// handler has *written* for it commits with the rest, so fail an event before writing.
///
/// ```
/// # use consumer_core::handler::{Batch, BatchFailures, HandlerError};
/// # use consumer_core::Event;
/// # fn sort<E: Event>(events: Batch<E>, is_known: impl Fn(&E) -> bool) -> Result<BatchFailures, HandlerError> {
/// let mut failures = BatchFailures::new();
/// for item in &events {
///     if !is_known(&item.event) {
///         failures.fail(item, HandlerError::permanent("no such account"));
///     }
/// }
/// // … write the others
/// Ok(failures)
/// # }
/// ```
#[derive(Debug)]
#[must_use = "failures do nothing until the handler returns them: `Ok(failures)`"]
pub struct BatchFailures<F = HandlerError>(BTreeMap<usize, F>);

impl<F> BatchFailures<F> {
    /// No failure.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Fails an event; of two errors of one event the first stays.
    pub fn fail<E>(&mut self, item: &Item<E>, error: impl Into<F>) {
        self.0.entry(item.index).or_insert_with(|| error.into());
    }

    /// Whether no event has failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many events have failed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this event has failed.
    pub fn has<E>(&self, item: &Item<E>) -> bool {
        self.0.contains_key(&item.index)
    }

    /// The errors in the order of their events, each with its event's position in the batch, from 0.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &F)> {
        self.0.iter().map(|(&index, error)| (index, error))
    }

    /// The same failures, their errors kept as a handler's.
    pub(crate) fn map<G>(self, keep: impl Fn(F) -> G) -> BatchFailures<G> {
        BatchFailures(self.0.into_iter().map(|(index, error)| (index, keep(error))).collect())
    }

    /// An error, if there is one.
    pub(crate) fn into_result(self) -> Result<(), F> {
        self.0.into_values().next().map_or(Ok(()), Err)
    }

    pub(crate) fn into_vec(self) -> Vec<(usize, F)> {
        self.0.into_iter().collect()
    }
}

impl<F> Default for BatchFailures<F> {
    fn default() -> Self {
        Self::new()
    }
}
