//! Effects over HTTP: a client that sends the idempotency key, and says of every failure whether the call may have worked.
//!
#![cfg_attr(feature = "macros", doc = "```")]
#![cfg_attr(not(feature = "macros"), doc = "```text")]
//! use consumer::{effect::ProviderError, http::Provider, prelude::*};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Charge {
//!     card: String,
//!     cents: i64,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Charged {
//!     id: String,
//! }
//!
//! async fn charge(key: IdempotencyKey, body: RequestBody, gateway: Provider) -> Result<Charged, ProviderError> {
//!     gateway.post("charges", &key, &body).send().await?.json()
//! }
//!
//! # fn main() -> consumer::Result<()> {
//! let gateway = Provider::builder("http://gateway.internal/v1").bearer("sk_test_1234").build()?;
//! # let _ = (gateway, charge);
//! # Ok(())
//! # }
//! ```
//!
//! The body is the [`RequestBody`] of the effect: the bytes that the ledger holds, the same at every attempt, whatever a
//! deploy has changed meanwhile.
//!
//! # What an answer means
//!
//! | answer | error | what happens next |
//! |---|---|---|
//! | no connection, no TLS | not done | again |
//! | no answer in time, the connection lost, half an answer | unknown | again with the same key, if the provider honours keys |
//! | 2xx, and what [`accept`](Request::accept) names | none | |
//! | 400, 402, 404, 405, 410, 413, 415, 422, other 4xx; 501, 505 | refused | never again; a person can release it |
//! | 401, 403, 407, 421, 423 | not done | again: our credentials, or a lock, not this call |
//! | 425, 429 | not done | again, after `Retry-After` if it says one |
//! | 408, 409, 5xx | unknown | again with the same key, after `Retry-After` if it says one |
//! | 307, 308 | refused | never again: the base address is wrong; no redirect is ever followed |
//! | other 3xx, 1xx | unknown | again with the same key |
//!
//! 409 is what the draft has for a key whose first call is still being processed, and 422 for a key that was used with
//! another body. 401, 403 and 429 come from in front of the place where keys are remembered, so nothing was done. A 503
//! may come from a proxy that lost the answer: only an answer that says so is taken for "nothing was done".
//!
//! # What is never printed
//!
//! Bodies, headers, keys of the API, and of the address all but scheme, host and port. Errors name the method, the path that
//! the call was given, without its query, the status and the provider's request id.

mod address;
mod builder;
mod failure;
mod key;
mod meaning;
mod provider;
mod request;
mod response;
mod retry_after;
#[cfg(test)]
mod tests;

pub use self::{builder::ProviderBuilder, provider::Provider, request::Request, response::Response};
#[cfg(doc)]
use crate::handler::RequestBody;
