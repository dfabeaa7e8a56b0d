//! A provider: what effects call over HTTP.

use std::fmt;

use consumer_core::{Result, effect::IdempotencyKey, handler::RequestBody};
use reqwest::{Client, Method};

use super::{ProviderBuilder, Request, address::Address, key::KeyHeader};

/// A provider that effects call over HTTP. Cheap to clone; give it to the app as a state.
///
/// See the [room](super) for what an answer means.
#[derive(Clone)]
pub struct Provider {
    pub(super) client: Client,
    pub(super) address: Address,
    pub(super) key_header: KeyHeader,
    pub(super) largest_answer: usize,
}

impl Provider {
    /// A provider with the defaults, at an address such as `https://api.example.com/v1`.
    ///
    /// # Errors
    /// See [`ProviderBuilder::build`].
    pub fn new(base: &str) -> Result<Self> {
        Self::builder(base).build()
    }

    /// Builds a provider at this address. Its path is put before that of each call.
    pub fn builder(base: &str) -> ProviderBuilder {
        ProviderBuilder::new(base)
    }

    /// Calls this path with the key and the stored bytes of an effect.
    pub fn post(&self, path: &str, key: &IdempotencyKey, body: &RequestBody) -> Request {
        self.keyed(Method::POST, path, key).stored(body)
    }

    /// Calls this path with the key and the stored bytes of an effect.
    pub fn put(&self, path: &str, key: &IdempotencyKey, body: &RequestBody) -> Request {
        self.keyed(Method::PUT, path, key).stored(body)
    }

    /// Calls this path with the key and the stored bytes of an effect.
    pub fn patch(&self, path: &str, key: &IdempotencyKey, body: &RequestBody) -> Request {
        self.keyed(Method::PATCH, path, key).stored(body)
    }

    /// Calls this path with the key of an effect, without a body.
    pub fn delete(&self, path: &str, key: &IdempotencyKey) -> Request {
        self.keyed(Method::DELETE, path, key)
    }

    /// Asks without changing anything, as a `resolve` function does.
    pub fn get(&self, path: &str) -> Request {
        Request::new(self, Method::GET, path)
    }

    fn keyed(&self, method: Method, path: &str, key: &IdempotencyKey) -> Request {
        Request::new(self, method, path).key(&self.key_header, key)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.address)
    }
}
