//! Failures: what is known about an event that could not be processed yet, and what comes next for it.
//!
//! A row of `event_failures` belongs to one consumer and one event, whichever copy of its message failed. It is written
//! before a copy leaves for a wait queue or for the dead-letter queue, never for a success, and no row ever makes a
//! delivery be dropped: only a claim does.

mod record;
mod run;

pub use self::{
    record::{FailureRecord, FailureState, FailureSurvey, MAX_TEXT, News, Wanted},
    run::{RunnerId, message_key},
};
