//! The envelope: what a message says about its event, apart from the event's own data.

use std::fmt;

use bytes::Bytes;

use super::{EventId, Message, Reason};

/// Why a delivery cannot even be attempted; it goes to the dead-letter queue with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The machine-readable reason.
    pub reason: Reason,
    /// What a person needs to repair it; never the payload.
    pub detail: String,
}

impl Rejection {
    /// A rejection with its explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

/// What a message says about its event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The CloudEvents `id`, else the AMQP `message_id`.
    pub id: Option<String>,
    /// The CloudEvents `source`.
    pub source: Option<String>,
    /// The CloudEvents `type`, else the AMQP `type`.
    pub event_type: Option<String>,
    /// The version of the event's schema, if the publisher says one.
    pub version: Option<u32>,
    /// The business conversation this event belongs to.
    pub correlation_id: Option<String>,
    /// The id of the event that caused this one.
    pub causation_id: Option<String>,
    /// The W3C trace context of the publisher.
    pub traceparent: Option<String>,
    /// The event's data, as received.
    pub data: Bytes,
}

impl Envelope {
    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// What makes the message unreadable for good, for its dead letter.
    pub fn read(message: &Message) -> Result<Self, Rejection> {
        Ok(Self {
            id: message.properties.message_id.clone(),
            event_type: message.properties.message_type.clone(),
            correlation_id: message.properties.correlation_id.clone(),
            data: message.body.clone(),
            ..Self::default()
        })
    }

    /// Who the event is: `body_id` is the field marked `#[event(id)]`, `configured_source` what the consumer sets.
    ///
    /// # Errors
    /// [`Reason::MissingId`] where no road gives an id.
    pub fn identity(&self, body_id: Option<&str>, configured_source: &str) -> Result<EventId, Rejection> {
        let id = body_id.or(self.id.as_deref()).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Rejection::new(Reason::MissingId, "no id"))?;
        Ok(EventId { source: self.source.as_deref().unwrap_or(configured_source).to_owned(), id: id.to_owned() })
    }
}
