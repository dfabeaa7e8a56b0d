//! What AMQP can carry: names of 255 bytes, headers that fit one frame.

use crate::{
    broker::Publication,
    error::{Error, Result},
    message::{HeaderValue, Headers, Message},
    printable,
};

/// The length of a short string is one byte.
const LONGEST_NAME: usize = 255;
/// RabbitMQ's `frame_max`, without the frame's own 8 bytes and the room that all other properties can take.
const LARGEST_HEADERS: usize = 131_072 - 8 - 13 * (LONGEST_NAME + 1);

/// RabbitMQ's longest expiration, in milliseconds.
const LONGEST_EXPIRATION: u64 = u32::MAX as u64;

/// Refuses what no broker could take.
pub(super) fn check(publication: &Publication) -> Result<()> {
    check_expiration(publication.message.properties.expiration.as_deref())?;
    let names = [("exchange", &publication.exchange), ("routing key", &publication.routing_key)];
    let names = names.into_iter().map(|(what, name)| (what, name.as_str()));
    let headers = publication.message.headers.iter().map(|(name, _)| ("name of a header", name));
    let mut all = names.chain(properties(&publication.message)).chain(headers);
    if let Some((what, name)) = all.find(|(_, name)| name.len() > LONGEST_NAME) {
        return Err(Error::unpublishable(format!(
            "the {what} has {} bytes, and AMQP ends at {LONGEST_NAME}",
            name.len()
        )));
    }
    match size_of(&publication.message.headers) {
        size if size > LARGEST_HEADERS => {
            Err(Error::unpublishable(format!("the headers take {size} bytes and do not fit a frame")))
        }
        _ => Ok(()),
    }
}

fn check_expiration(expiration: Option<&str>) -> Result<()> {
    let is_good = |text: &str| text.parse().is_ok_and(|ms: u64| ms <= LONGEST_EXPIRATION);
    match expiration.filter(|text| !is_good(text)) {
        None => Ok(()),
        Some(text) => Err(Error::unpublishable(format!(
            "the expiration '{}' is no number of milliseconds up to {LONGEST_EXPIRATION}",
            printable::excerpt(text)
        ))),
    }
}

fn properties(message: &Message) -> impl Iterator<Item = (&'static str, &str)> {
    let properties = &message.properties;
    let texts = [
        ("content type", &properties.content_type),
        ("content encoding", &properties.content_encoding),
        ("correlation id", &properties.correlation_id),
        ("reply-to", &properties.reply_to),
        ("expiration", &properties.expiration),
        ("message id", &properties.message_id),
        ("type", &properties.message_type),
        ("user id", &properties.user_id),
        ("app id", &properties.app_id),
        ("cluster id", &properties.cluster_id),
    ];
    texts.into_iter().filter_map(|(what, text)| Some((what, text.as_deref()?)))
}

/// Bytes on the wire.
fn size_of(headers: &Headers) -> usize {
    4 + headers.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
}

fn size_of_value(value: &HeaderValue) -> usize {
    1 + match value {
        HeaderValue::Void => 0,
        HeaderValue::Bool(_) | HeaderValue::I8(_) | HeaderValue::U8(_) => 1,
        HeaderValue::I16(_) | HeaderValue::U16(_) => 2,
        HeaderValue::I32(_) | HeaderValue::U32(_) | HeaderValue::F32(_) => 4,
        HeaderValue::Decimal { .. } => 5,
        HeaderValue::I64(_) | HeaderValue::F64(_) | HeaderValue::Timestamp(_) => 8,
        HeaderValue::Text(text) => 4 + text.len(),
        HeaderValue::Bytes(bytes) => 4 + bytes.len(),
        HeaderValue::Array(values) => 4 + values.iter().map(size_of_value).sum::<usize>(),
        HeaderValue::Table(fields) => {
            4 + fields.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication() -> Publication {
        Publication { exchange: String::new(), routing_key: "q".into(), message: Message::default() }
    }

    #[test]
    fn names_end_at_255_bytes() {
        let mut fits = publication();
        fits.message.properties.message_id = Some("x".repeat(255));
        fits.message.headers.insert("y".repeat(255), "z".repeat(1000));
        assert!(check(&fits).is_ok());
        fits.message.properties.message_id = Some("x".repeat(256));
        let error = check(&fits).expect_err("one byte too many");
        assert!(
            error.is_unpublishable() && error.to_string().contains("message id has 256 bytes"),
            "{error}"
        );
        let mut header = publication();
        header.message.headers.insert("y".repeat(256), 1);
        assert!(check(&header).is_err_and(|error| error.is_unpublishable()));
    }

    #[test]
    fn headers_end_at_a_frame() {
        let mut large = publication();
        let lines = vec![HeaderValue::Text("x".repeat(995)); 127];
        large.message.headers.insert("trace", HeaderValue::Array(lines));
        assert!(check(&large).is_ok());
        large.message.headers.insert("error", "x".repeat(2000));
        assert!(check(&large).is_err_and(|error| error.is_unpublishable()));
    }
}
