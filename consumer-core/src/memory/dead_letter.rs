//! The headers that RabbitMQ gives to a dead letter.

use std::collections::BTreeMap;

use crate::message::{HeaderValue, Headers, Message};

/// The only reason this broker has: there are no rejects, lengths or expiries.
const DELIVERY_LIMIT: &str = "delivery_limit";

/// The dead letter of a message that came back to `queue` too often, for the default exchange.
pub(super) fn dead_letter(message: &Message, queue: &str, dead_letter_queue: &str) -> Message {
    let mut letter = message.clone();
    remember_first(&mut letter.headers, queue, &message.exchange);
    count_death(&mut letter.headers, queue, message);
    letter.exchange = String::new();
    letter.routing_key = dead_letter_queue.to_owned();
    letter
}

fn remember_first(headers: &mut Headers, queue: &str, exchange: &str) {
    if headers.get("x-first-death-reason").is_none() {
        headers.insert("x-first-death-reason", DELIVERY_LIMIT);
        headers.insert("x-first-death-queue", queue);
        headers.insert("x-first-death-exchange", exchange);
    }
}

/// One entry for each queue and reason, the latest first.
fn count_death(headers: &mut Headers, queue: &str, message: &Message) {
    let mut deaths = match headers.remove("x-death") {
        Some(HeaderValue::Array(deaths)) => deaths,
        _ => Vec::new(),
    };
    let earlier = deaths.iter().position(|death| is_death_in(death, queue)).map(|index| deaths.remove(index));
    let count = earlier.as_ref().and_then(count_of).unwrap_or(0).saturating_add(1);
    deaths.insert(0, death(queue, count, message));
    headers.insert("x-death", HeaderValue::Array(deaths));
}

fn death(queue: &str, count: i64, message: &Message) -> HeaderValue {
    let routing_keys = HeaderValue::Array(vec![message.routing_key.as_str().into()]);
    HeaderValue::Table(BTreeMap::from([
        ("count".to_owned(), count.into()),
        ("reason".to_owned(), DELIVERY_LIMIT.into()),
        ("queue".to_owned(), queue.into()),
        ("exchange".to_owned(), message.exchange.as_str().into()),
        ("routing-keys".to_owned(), routing_keys),
    ]))
}

fn is_death_in(death: &HeaderValue, queue: &str) -> bool {
    let text = |name| field(death, name).and_then(HeaderValue::as_str);
    text("queue") == Some(queue) && text("reason") == Some(DELIVERY_LIMIT)
}

fn count_of(death: &HeaderValue) -> Option<i64> {
    field(death, "count")?.as_i64()
}

fn field<'a>(death: &'a HeaderValue, name: &str) -> Option<&'a HeaderValue> {
    match death {
        HeaderValue::Table(fields) => fields.get(name),
        _ => None,
    }
}
