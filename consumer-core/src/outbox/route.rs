//! A route: where an event goes and what travels with it, beside its data.

use crate::message::{HeaderValue, Headers};

/// Where an event of the outbox goes, where it differs from what follows from the event.
///
/// Without one an event goes to the exchange of the relay, with its type as routing key, in the order of its
/// `#[event(key)]`.
///
/// ```
/// # use consumer_core::outbox::Route;
/// let route = Route::new().exchange("billing").routing_key("invoice.eu").header("x-tenant", "acme").ordered_by("tenant-7");
/// # let _ = route;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a route goes into `publish_to`"]
pub struct Route {
    pub(super) exchange: Option<String>,
    pub(super) routing_key: Option<String>,
    pub(super) key: Option<Option<String>>,
    pub(super) headers: Headers,
    pub(super) correlation_id: Option<String>,
    pub(super) causation_id: Option<String>,
    pub(super) traceparent: Option<String>,
}

impl Route {
    /// The route that follows from the event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Straight into a queue, through the default exchange.
    pub fn queue(name: impl Into<String>) -> Self {
        Self::new().exchange("").routing_key(name)
    }

    /// To this exchange; empty for the default exchange, which routes to the queue named by the routing key.
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.exchange = Some(exchange.into());
        self
    }

    /// With this routing key.
    pub fn routing_key(mut self, key: impl Into<String>) -> Self {
        self.routing_key = Some(key.into());
        self
    }

    /// In the order of this key: whatever was written with the same text is published in the order of the commits.
    pub fn ordered_by(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Some(key.into()));
        self
    }

    /// In no order, whatever key the event has: no writer waits for another.
    pub fn unordered(mut self) -> Self {
        self.key = Some(None);
        self
    }

    /// With this header: text, a whole number or a truth value.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// As part of this conversation, instead of that of the event at hand.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// As caused by this event, instead of the one at hand.
    pub fn causation_id(mut self, id: impl Into<String>) -> Self {
        self.causation_id = Some(id.into());
        self
    }

    /// In this W3C trace, instead of that of the event at hand.
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }
}
