//! A message as the broker hands it over: properties, headers and body, byte for byte.

mod canonical;
mod cloudevents;
mod copy;
mod envelope;
mod fingerprint;
mod headers;
mod identity;
mod properties;

use bytes::Bytes;

pub use self::{
    copy::{DeadLetter, Reason},
    envelope::{Envelope, Rejection},
    fingerprint::Fingerprint,
    headers::{HeaderValue, Headers},
    identity::{ClaimKey, EventId},
    properties::Properties,
};

/// One AMQP 0-9-1 message, whichever broker carried it.
#[derive(Clone, Debug, Default, PartialEq)]
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
