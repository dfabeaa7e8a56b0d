//! The answer to a call.

use std::fmt;

use bytes::Bytes;
use consumer_core::effect::ProviderError;
use reqwest::{StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;

use super::failure::Call;

/// An answer of success, or one that the caller [accepts](super::Request::accept).
pub struct Response {
    pub(super) call: Call,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Response {
    /// Its status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its body, which may be empty.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its body, read as JSON.
    ///
    /// # Errors
    /// The outcome is unknown to us if it cannot be read: the call worked, but its result is lost until a deploy that can read
    /// it asks again, with the same key. The error says where, not what.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.call.unreadable(
                self.status,
                &format!("the answer is not the expected JSON at line {line}, column {column}"),
            )
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {}, {} bytes)", self.call, self.status.as_u16(), self.body.len())
    }
}
