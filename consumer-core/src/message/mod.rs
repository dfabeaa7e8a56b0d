//! A message as the broker hands it over: properties, headers and body, byte for byte.

mod canonical;
mod cloudevents;
mod copy;
mod dead_letter;
mod death;
mod delayed;
mod edit;
mod envelope;
mod fingerprint;
mod headers;
mod identity;
mod letter;
mod properties;
mod traceparent;

use std::fmt;

use bytes::Bytes;

use self::dead_letter::MAX_ERROR;
pub(crate) use self::envelope::{CAUSATION, HOPS, SEQUENCE, TRACEPARENT, VERSION};

pub use self::{
    dead_letter::{Aftermath, DeadLetter, Reason},
    delayed::Delayed,
    envelope::{Envelope, Rejection},
    fingerprint::Fingerprint,
    headers::{HeaderValue, Headers, MAX_HEADER_DEPTH},
    identity::{ClaimKey, EventId},
    letter::Letter,
    properties::Properties,
};

/// One AMQP 0-9-1 message, whichever broker carried it.
///
/// Its `Debug` form leaves the body out.
#[derive(Clone, Default, PartialEq)]
pub struct Message {
    /// The basic properties, headers excepted.
    pub properties: Properties,
    /// The application headers.
    pub headers: Headers,
    /// The body, untouched.
    pub body: Bytes,
    /// The exchange it was published to; empty for the default exchange.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("properties", &self.properties)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("exchange", &self.exchange)
            .field("routing_key", &self.routing_key)
            .finish()
    }
}
