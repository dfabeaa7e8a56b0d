//! A failed call, as the error of a provider.

use std::fmt;

use consumer_core::effect::ProviderError;
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName},
};

use super::{address::Address, meaning::Meaning, retry_after::retry_after};

/// Headers in which providers name a request; their support asks for it.
const REQUEST_IDS: [HeaderName; 2] =
    [HeaderName::from_static("request-id"), HeaderName::from_static("x-request-id")];
/// As much of a request id as an error repeats.
const LONGEST_REQUEST_ID: usize = 80;

/// What was called, as errors name it.
#[derive(Clone)]
pub(super) struct Call {
    method: Method,
    address: Address,
    path: String,
}

impl Call {
    /// Leaves the query out: it may hold what nobody should read.
    pub(super) fn new(method: Method, address: Address, path: &str) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Self { method, address, path: format!("/{}", path.trim_start_matches('/')) }
    }

    /// It was never sent, because it cannot be written as a request.
    pub(super) fn unwritable(&self, why: &str) -> ProviderError {
        ProviderError::refused(format!("{self} was not sent: {why}"))
    }

    /// It got no answer.
    pub(super) fn unanswered(&self, error: reqwest::Error) -> ProviderError {
        let failed = if error.is_builder() {
            self.unwritable("it cannot be written as a request")
        } else if error.is_connect() {
            ProviderError::not_done(format!("{self} was not sent: no connection came about"))
        } else if error.is_timeout() {
            ProviderError::unknown(format!("{self} was sent, and no answer came in time"))
        } else {
            ProviderError::unknown(format!("{self} was sent, and the connection was lost before the answer"))
        };
        failed.because(error.without_url())
    }

    /// Its answer broke off, or cannot be used.
    pub(super) fn unreadable(&self, status: StatusCode, why: &str) -> ProviderError {
        ProviderError::unknown(format!("{self} was answered with {}, but {why}", status.as_u16()))
    }

    /// What an answer means that the caller did not ask for; `None` if it is one of success.
    pub(super) fn declined(&self, status: StatusCode, headers: &HeaderMap) -> Option<ProviderError> {
        let said = format!("{self} was answered with {}{}", named(status), RequestId(headers));
        let error = match Meaning::of(status.as_u16()) {
            Meaning::Done => return None,
            Meaning::Refused => return Some(ProviderError::refused(said)),
            Meaning::NotDone => ProviderError::not_done(said),
            Meaning::Unknown => ProviderError::unknown(said),
        };
        Some(match retry_after(headers) {
            Some(wait) => error.retry_after(wait),
            None => error,
        })
    }
}

/// `429 Too Many Requests`; the provider's own phrase is not repeated.
fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.address, self.path)
    }
}

/// The provider's name of the request, if it says one that is fit to print.
struct RequestId<'h>(&'h HeaderMap);

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = REQUEST_IDS.iter().find_map(|name| self.0.get(name)).and_then(|id| id.to_str().ok());
        match id {
            Some(id) if id.len() <= LONGEST_REQUEST_ID => write!(f, " (request {id})"),
            _ => Ok(()),
        }
    }
}
