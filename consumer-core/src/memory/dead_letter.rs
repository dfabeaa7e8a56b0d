//! What RabbitMQ makes of a message that it moves to another queue.

use std::collections::BTreeMap;

use crate::message::{HeaderValue, Headers, Message};

/// Why a message is moved. There are no rejects and no lengths here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// It came back too often.
    DeliveryLimit,
    /// Its time is over.
    Expired,
}

impl Death {
    fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryLimit => "delivery_limit",
            Self::Expired => "expired",
        }
    }
}

/// The dead letter of a message of `queue`, for another queue by the default exchange.
pub(super) fn dead_letter(message: &Message, death: Death, queue: &str, to: &str) -> Message {
    let mut letter = message.clone();
    remember_first(&mut letter.headers, death, queue, &message.exchange);
    count_death(&mut letter.headers, death, queue, message);
    letter.headers.remove("CC");
    letter.properties.expiration = None;
    letter.exchange = String::new();
    letter.routing_key = to.to_owned();
    letter
}

fn remember_first(headers: &mut Headers, death: Death, queue: &str, exchange: &str) {
    if headers.get("x-first-death-reason").is_none() {
        headers.insert("x-first-death-reason", death.as_str());
        headers.insert("x-first-death-queue", queue);
        headers.insert("x-first-death-exchange", exchange);
    }
}

/// One entry for each queue and reason, the latest first.
fn count_death(headers: &mut Headers, death: Death, queue: &str, message: &Message) {
    let mut deaths = match headers.remove("x-death") {
        Some(HeaderValue::Array(deaths)) => deaths,
        _ => Vec::new(),
    };
    let earlier = deaths.iter().position(|entry| is(entry, death, queue)).map(|index| deaths.remove(index));
    let count = earlier.as_ref().and_then(count_of).unwrap_or(0).saturating_add(1);
    deaths.insert(0, entry(death, queue, count, message));
    headers.insert("x-death", HeaderValue::Array(deaths));
}

fn entry(death: Death, queue: &str, count: i64, message: &Message) -> HeaderValue {
    let routing_keys = HeaderValue::Array(vec![message.routing_key.as_str().into()]);
    let mut fields = BTreeMap::from([
        ("count".to_owned(), count.into()),
        ("reason".to_owned(), death.as_str().into()),
        ("queue".to_owned(), queue.into()),
        ("exchange".to_owned(), message.exchange.as_str().into()),
        ("routing-keys".to_owned(), routing_keys),
    ]);
    if let Some(expiration) = &message.properties.expiration {
        fields.insert("original-expiration".to_owned(), expiration.as_str().into());
    }
    HeaderValue::Table(fields)
}

fn is(entry: &HeaderValue, death: Death, queue: &str) -> bool {
    let text = |name| field(entry, name).and_then(HeaderValue::as_str);
    text("queue") == Some(queue) && text("reason") == Some(death.as_str())
}

fn count_of(entry: &HeaderValue) -> Option<i64> {
    field(entry, "count")?.as_i64()
}

fn field<'a>(entry: &'a HeaderValue, name: &str) -> Option<&'a HeaderValue> {
    match entry {
        HeaderValue::Table(fields) => fields.get(name),
        _ => None,
    }
}
