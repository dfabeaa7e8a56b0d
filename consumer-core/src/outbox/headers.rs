//! Headers of an outbox row, as a JSON object of texts, whole numbers and truth values.

use serde_json::{Map, Value};

use crate::message::{HeaderValue, Headers};

/// The object; the name of a header whose value has no place in it as the error.
pub(super) fn to_json(headers: &Headers) -> Result<String, String> {
    let mut object = Map::new();
    for (name, value) in headers.iter() {
        let value = match value {
            HeaderValue::Text(text) => Value::from(text.as_str()),
            HeaderValue::Bool(truth) => Value::from(*truth),
            number => Value::from(number.as_i64().ok_or_else(|| name.to_owned())?),
        };
        object.insert(name.to_owned(), value);
    }
    Ok(Value::Object(object).to_string())
}

/// The headers of an object; what was written by other hands and fits no header is left out.
pub(super) fn from_json(json: &str) -> Headers {
    let Ok(Value::Object(object)) = serde_json::from_str(json) else { return Headers::new() };
    let header = |value| match value {
        Value::String(text) => Some(HeaderValue::Text(text)),
        Value::Bool(truth) => Some(HeaderValue::Bool(truth)),
        Value::Number(number) => number.as_i64().map(HeaderValue::I64),
        _ => None,
    };
    object.into_iter().filter_map(|(name, value)| Some((name, header(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut headers = Headers::new();
        headers.insert("x-tenant", "acme \"é\"");
        headers.insert("x-number", i64::MIN);
        headers.insert("x-truth", HeaderValue::Bool(true));
        let json = to_json(&headers).expect("plain values");
        assert_eq!(from_json(&json), headers);
    }

    #[test]
    fn a_value_without_a_place_is_named() {
        let mut headers = Headers::new();
        headers.insert("x-rate", HeaderValue::F64(1.5));
        assert_eq!(to_json(&headers), Err("x-rate".to_owned()));
    }
}
