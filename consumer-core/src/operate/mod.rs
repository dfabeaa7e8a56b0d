//! What people do by hand: with effects that wait for them, with events that cannot leave, and with dead letters.
//!
//! All of it works beside any number of running processes. What it changes in the database is picked up within a poll interval.

mod effects;
mod letters;
mod outbox;

use std::time::Duration;

pub use self::{
    effects::EffectLedger,
    letters::{
        DeadLetters, Discarded, Edited, Group, LetterFilter, Listed, Listing, Redrive, Redriven, Refusal,
        Shown,
    },
    outbox::OutboxTable,
};
use crate::storage::UnitLimits;

/// The limits of a session that runs one statement for a person.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// Opens a session, runs one statement and closes the session again.
macro_rules! by_hand {
    ($store:expr, $what:literal, |$storage:ident, $session:ident| $statement:expr) => {{
        let $storage = &$store;
        let answer = match $storage.open(super::LIMITS).await {
            Ok(mut opened) => {
                let $session = &mut opened;
                $statement.await
            }
            Err(error) => Err(error),
        };
        answer.map_err(|error: $crate::storage::StorageError| {
            $crate::error::Error::unavailable($what).because(error)
        })
    }};
}

use by_hand;
