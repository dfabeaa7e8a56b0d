//! What can be configured about a provider.

use std::{fmt, time::Duration};

use consumer_core::{Error, Result};
use reqwest::{
    Client,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
    redirect, retry,
};

use super::{Provider, address::Address, key::KeyHeader};

/// Builds a [`Provider`]: how we authenticate there, how long it may take, how it wants its keys.
#[must_use = "a builder does nothing until `build`"]
pub struct ProviderBuilder {
    address: Result<Address>,
    headers: HeaderMap,
    key_header: KeyHeader,
    timeout: Duration,
    connect_timeout: Duration,
    largest_answer: usize,
    mistake: Option<Error>,
}

impl ProviderBuilder {
    /// How long a call may take where `timeout` says nothing: an effect has 30 seconds by default, and a call that the
    /// effect cuts off cannot say what went wrong.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
    /// How long connecting may take where `connect_timeout` says nothing. What ends here was never sent.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The largest answer that is read where `largest_answer` says nothing, in bytes: it ends up in a row of the database.
    pub const DEFAULT_LARGEST_ANSWER: usize = 1024 * 1024;

    pub(super) fn new(base: &str) -> Self {
        Self {
            address: Address::parse(base),
            headers: HeaderMap::new(),
            key_header: KeyHeader::default(),
            timeout: Self::DEFAULT_TIMEOUT,
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
            largest_answer: Self::DEFAULT_LARGEST_ANSWER,
            mistake: None,
        }
    }

    /// Sends this token with every call: `Authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Self {
        let value = format!("Bearer {token}");
        self.header(AUTHORIZATION.as_str(), &value)
    }

    /// Sends this header with every call. Its value is taken for a secret.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            (Ok(name), Err(_)) => {
                self.mistake(format!("the value of header `{name}` has a character that no header takes"))
            }
            (Err(_), _) => self.mistake(format!("{name:?} is no name of a header")),
        }
        self
    }

    /// Sends the key in this header, instead of `Idempotency-Key`; PayPal wants `PayPal-Request-Id`.
    pub fn key_header(mut self, name: &str) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) => self.key_header.name = name,
            Err(_) => self.mistake(format!("{name:?} is no name of a header")),
        }
        self
    }

    /// Sends the key in quotes, as draft-ietf-httpapi-idempotency-key-header has it (a string of RFC 9651).
    ///
    /// The providers that came before the draft, Stripe and Adyen among them, take the bare key, and would take the quotes
    /// for a part of it. Never change this while effects are under way: it is another key.
    pub fn quoted_key(mut self) -> Self {
        self.key_header.quoted = true;
        self
    }

    /// How long a call may take, from connecting to the last byte of the answer. Keep it below the `timeout` of the effect.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long connecting may take, TLS included.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The largest answer that is read, in bytes. The outcome of a call with a larger one is unknown.
    pub fn largest_answer(mut self, bytes: usize) -> Self {
        self.largest_answer = bytes;
        self
    }

    /// The provider. No connection is opened yet.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings) if the address, a header or the roots of trust of this machine cannot be used.
    /// Neither an address nor the value of a header is repeated.
    pub fn build(self) -> Result<Provider> {
        let address = self.address?;
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let client = Client::builder()
            .default_headers(self.headers)
            .user_agent(concat!("consumer/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .build()
            .map_err(|error| {
                Error::settings("no HTTP client can be built: is there a store of trusted certificates?")
                    .because(error)
            })?;
        Ok(Provider { client, address, key_header: self.key_header, largest_answer: self.largest_answer })
    }

    /// Keeps the first one.
    fn mistake(&mut self, what: String) {
        self.mistake.get_or_insert_with(|| Error::settings(what));
    }
}

impl fmt::Debug for ProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderBuilder")
            .field("address", &self.address)
            .field("key_header", &self.key_header)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
