//! Letters for programs.

use std::time::Duration;

use consumer::{
    message::{HeaderValue, Message},
    operate::Listed,
};
use serde_json::{Value, json};

pub fn letter(listed: &Listed, now: Duration) -> Value {
    let letter = &listed.letter;
    json!({
        "id": letter.id,
        "key": listed.key.to_string(),
        "type": letter.event_type,
        "reason": letter.reason,
        "class": letter.class,
        "error": letter.error,
        "attempts": letter.attempts,
        "consumer": letter.consumer,
        "queue": letter.queue,
        "dead_at": letter.dead_at.map(|at| at.as_secs()),
        "age_seconds": letter.age(now).map(|age| age.as_secs()),
        "exchange": letter.origin.as_ref().map(|(exchange, _)| exchange),
        "routing_key": letter.origin.as_ref().map(|(_, routing_key)| routing_key),
        "version": letter.version,
        "edited_from": letter.edited_from,
        "effects_done": letter.effects.done,
        "effects_unknown": letter.effects.unknown,
        "effects_compensated": letter.effects.compensated,
        "body_bytes": listed.body_bytes,
    })
}

/// What is hidden unless it is to be seen.
pub fn headers(message: &Message) -> Value {
    message.headers.iter().map(|(name, value)| (name.to_owned(), header(value))).collect()
}

/// Only what we know how to write; a table nests as deep as the library lets it.
fn header(value: &HeaderValue) -> Value {
    match value {
        HeaderValue::Bool(truth) => json!(truth),
        HeaderValue::F32(number) => json!(number),
        HeaderValue::F64(number) => json!(number),
        HeaderValue::Decimal { scale, value } => json!({ "scale": scale, "value": value }),
        HeaderValue::Text(text) => json!(text),
        HeaderValue::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        HeaderValue::Timestamp(seconds) => json!(seconds),
        HeaderValue::Array(values) => values.iter().map(header).collect(),
        HeaderValue::Table(table) => {
            table.iter().map(|(name, value)| (name.clone(), header(value))).collect()
        }
        other => other.as_i64().map_or(Value::Null, Value::from),
    }
}
