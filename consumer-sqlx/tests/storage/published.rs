//! An event that an application publishes, and what the outbox holds of it.

use std::{borrow::Cow, error::Error as _};

use consumer_core::{
    Class, Error, Storage,
    classify::walk,
    event::{DecodeError, EncodeError, Event, EventType},
    outbox::{Filter, OutboxRow},
};

use crate::unit::LIMITS;

/// An event of a key.
pub(crate) struct Captured(pub(crate) &'static str);

impl Event for Captured {
    const TYPES: &'static [EventType] = &[EventType { name: "payment.captured", version: 1 }];

    fn decode(_: EventType, _: &[u8]) -> Result<Self, DecodeError> {
        Err(DecodeError::new(".", "it is only published"))
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(b"{}".to_vec())
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }

    fn key(&self) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }
}

/// The rows of the outbox, as a session of its own sees them.
pub(crate) async fn rows<S: Storage>(store: &S) -> Vec<OutboxRow> {
    let mut session = store.open(LIMITS).await.expect("a session");
    let all = Filter { standings: Vec::new(), ..Filter::default() };
    let listed = store.list_outbox(&mut session, &all).await.expect("a list");
    listed.into_iter().map(|listed| listed.row).collect()
}

/// The class of what the database said.
pub(crate) fn class_of<S: Storage>(store: &S, error: &Error) -> Option<Class> {
    let cause = error.source().expect("the database's error is kept");
    assert!(cause.downcast_ref::<sqlx::Error>().is_some(), "as sqlx gave it: {cause:?}");
    walk(error, |link| store.classify(link))
}
