//! One call to a provider.

use std::{fmt, time::Duration};

use bytes::Bytes;
use consumer_core::{
    effect::{IdempotencyKey, ProviderError},
    handler::RequestBody,
};
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use super::{Provider, Response, failure::Call, key::KeyHeader};

/// A call to a provider, not sent yet.
#[must_use = "a request is sent by `send`"]
pub struct Request {
    /// `None` if the path leaves the provider.
    builder: Option<RequestBuilder>,
    headers: HeaderMap,
    body: Option<Bytes>,
    accepted: Vec<u16>,
    call: Call,
    largest_answer: usize,
    flaw: Option<String>,
}

impl Request {
    pub(super) fn new(provider: &Provider, method: Method, path: &str) -> Self {
        let url = provider.address.of(path);
        Self {
            builder: url.map(|url| provider.client.request(method.clone(), url)),
            headers: HeaderMap::new(),
            body: None,
            accepted: Vec::new(),
            call: Call::new(method, provider.address.clone(), path),
            largest_answer: provider.largest_answer,
            flaw: None,
        }
    }

    pub(super) fn key(mut self, header: &KeyHeader, key: &IdempotencyKey) -> Self {
        match header.value(key) {
            Some(value) => drop(self.headers.insert(header.name.clone(), value)),
            None => self.flaw("its key has a character that no header takes".to_owned()),
        }
        self
    }

    pub(super) fn stored(self, body: &RequestBody) -> Self {
        self.content("application/json", body.bytes().clone())
    }

    /// Sends this header as well.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(self.headers.insert(name, value)),
            (Ok(name), Err(_)) => {
                self.flaw(format!("the value of header `{name}` has a character that no header takes"))
            }
            (Err(_), _) => self.flaw(format!("{name:?} is no name of a header")),
        }
        self
    }

    /// Sends this body instead of the stored bytes, for providers that take no JSON.
    ///
    /// A provider refuses a repeated key with another body: make it of the payload alone, by code that a deploy does not
    /// change while effects are under way. Better, let the payload itself be the text that is sent.
    pub fn content(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Takes this status as an answer, whatever it means elsewhere: [`send`](Self::send) returns the response. For a card that
    /// is declined with 402, or a lookup that answers 404.
    pub fn accept(mut self, status: u16) -> Self {
        self.accepted.push(status);
        self
    }

    /// How long this call may take, instead of what the provider's calls may.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.builder = self.builder.map(|builder| builder.timeout(timeout));
        self
    }

    /// Sends it once, and waits for the whole answer. No redirect is followed, nothing is repeated.
    ///
    /// # Errors
    /// Whatever is no answer of success, with what it means for the effect: see the [room](super).
    ///
    /// # Cancel safety
    /// A call that is dropped may have worked.
    pub async fn send(self) -> Result<Response, ProviderError> {
        let Self { builder, headers, body, accepted, call, largest_answer, flaw } = self;
        if let Some(flaw) = flaw {
            return Err(call.unwritable(&flaw));
        }
        let builder =
            builder.ok_or_else(|| call.unwritable("its path leads out of the provider's address"))?;
        let builder = body.into_iter().fold(builder.headers(headers), RequestBuilder::body);
        let answer = builder.send().await.map_err(|error| call.unanswered(error))?;
        let status = answer.status();
        if !accepted.contains(&status.as_u16())
            && let Some(error) = call.declined(status, answer.headers())
        {
            return Err(error);
        }
        let headers = answer.headers().clone();
        let body = read(answer, status, largest_answer, &call).await?;
        Ok(Response { call, status, headers, body })
    }

    /// Keeps the first one.
    fn flaw(&mut self, what: String) {
        self.flaw.get_or_insert(what);
    }
}

/// Reads the whole answer.
async fn read(
    mut answer: reqwest::Response,
    status: StatusCode,
    most: usize,
    call: &Call,
) -> Result<Bytes, ProviderError> {
    let mut body = Vec::new();
    let broken =
        |error: reqwest::Error| call.unreadable(status, "the answer broke off").because(error.without_url());
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > most {
            return Err(call.unreadable(status, &format!("the answer is larger than {most} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.call, self.body.as_ref().map_or(0, Bytes::len))
    }
}
