//! Messages as lapin has them and as we have them.

use std::mem;

use bytes::Bytes;
use consumer_core::{
    Error, Result,
    broker::Publication,
    message::{HeaderValue, Headers, MAX_HEADER_DEPTH, Message, Properties},
};
use lapin::{
    BasicProperties,
    types::{AMQPValue, DecimalValue, FieldArray, FieldTable, LongString, ShortString},
};

use super::returns::Likeness;

/// Delivery mode of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// What a consumer was given, out of what lapin gave.
pub(super) fn received(delivery: &mut lapin::message::Delivery) -> Message {
    Message {
        properties: properties(&delivery.properties),
        headers: delivery.properties.headers().as_ref().map(headers).unwrap_or_default(),
        body: Bytes::from(mem::take(&mut delivery.data)),
        exchange: mem::take(&mut delivery.exchange).into(),
        routing_key: mem::take(&mut delivery.routing_key).into(),
    }
}

fn properties(properties: &BasicProperties) -> Properties {
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
    Properties {
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        delivery_mode: *properties.delivery_mode(),
        priority: *properties.priority(),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        expiration: text(properties.expiration()),
        message_id: text(properties.message_id()),
        timestamp: *properties.timestamp(),
        message_type: text(properties.kind()),
        user_id: text(properties.user_id()),
        app_id: text(properties.app_id()),
        cluster_id: text(properties.cluster_id()),
    }
}

fn headers(table: &FieldTable) -> Headers {
    table
        .inner()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), read(value, MAX_HEADER_DEPTH)))
        .collect()
}

/// Reads a value with at most `depth` levels below it; the screen lets no deeper one through.
fn read(value: &AMQPValue, depth: usize) -> HeaderValue {
    match value {
        AMQPValue::Boolean(value) => HeaderValue::Bool(*value),
        AMQPValue::ShortShortInt(value) => HeaderValue::I8(*value),
        AMQPValue::ShortShortUInt(value) => HeaderValue::U8(*value),
        AMQPValue::ShortInt(value) => HeaderValue::I16(*value),
        AMQPValue::ShortUInt(value) => HeaderValue::U16(*value),
        AMQPValue::LongInt(value) => HeaderValue::I32(*value),
        AMQPValue::LongUInt(value) => HeaderValue::U32(*value),
        AMQPValue::LongLongInt(value) => HeaderValue::I64(*value),
        AMQPValue::Float(value) => HeaderValue::F32(*value),
        AMQPValue::Double(value) => HeaderValue::F64(*value),
        AMQPValue::DecimalValue(value) => HeaderValue::Decimal { scale: value.scale, value: value.value },
        AMQPValue::ShortString(value) => HeaderValue::Text(value.as_str().to_owned()),
        AMQPValue::LongString(value) => long_string(value.as_bytes()),
        AMQPValue::ByteArray(value) => HeaderValue::Bytes(Bytes::copy_from_slice(value.as_slice())),
        AMQPValue::Timestamp(value) => HeaderValue::Timestamp(*value),
        AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) if depth == 0 => HeaderValue::Void,
        AMQPValue::FieldArray(values) => {
            HeaderValue::Array(values.as_slice().iter().map(|value| read(value, depth - 1)).collect())
        }
        AMQPValue::FieldTable(table) => HeaderValue::Table(
            table
                .inner()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), read(value, depth - 1)))
                .collect(),
        ),
        AMQPValue::Void => HeaderValue::Void,
    }
}

fn long_string(bytes: &[u8]) -> HeaderValue {
    match std::str::from_utf8(bytes) {
        Ok(text) => HeaderValue::Text(text.to_owned()),
        Err(_) => HeaderValue::Bytes(Bytes::copy_from_slice(bytes)),
    }
}

/// A publication as lapin sends it.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
    pub(super) likeness: Likeness,
    /// Whether it says something about itself over which the broker may close the channel.
    pub(super) is_checked: bool,
    /// The bytes of the content header, which has to fit one frame.
    pub(super) header_len: usize,
}

impl Outgoing {
    /// Converts it, persistent whatever it says.
    ///
    /// # Errors
    /// [`is_unpublishable`](Error::is_unpublishable) naming what AMQP has no room for.
    pub(super) fn new(publication: Publication) -> Result<Self> {
        let Publication { exchange, routing_key, message } = publication;
        let mut size = Size::default();
        let id = message.properties.message_id.as_deref();
        let likeness = Likeness::of(exchange.as_bytes(), routing_key.as_bytes(), id.map(str::as_bytes));
        let is_checked = message.properties.user_id.is_some() || has_bad_expiration(&message.properties);
        let properties = size.properties(message.properties, message.headers)?;
        Ok(Self {
            exchange: short("exchange", exchange)?,
            routing_key: short("routing key", routing_key)?,
            properties,
            body: message.body,
            likeness,
            is_checked,
            header_len: size.0,
        })
    }
}

/// RabbitMQ takes milliseconds of 32 bits. Copies for wait queues come by the thousand, and each of them has some.
fn has_bad_expiration(properties: &Properties) -> bool {
    properties.expiration.as_deref().is_some_and(|expiration| expiration.parse::<u32>().is_err())
}

fn short(what: &str, text: String) -> Result<ShortString> {
    ShortString::try_new(text).map_err(|error| {
        Error::unpublishable(format!("AMQP has no room for the {what}: more than 255 bytes")).because(error)
    })
}

/// Counts the bytes of a content header while it is put together.
struct Size(usize);

impl Default for Size {
    /// Class, weight, size of the body, flags.
    fn default() -> Self {
        Self(14)
    }
}

impl Size {
    fn properties(&mut self, from: Properties, headers: Headers) -> Result<BasicProperties> {
        let mut to = BasicProperties::default().with_delivery_mode(PERSISTENT);
        self.0 += 1;
        macro_rules! set {
            ($($field:ident $with:ident $what:literal),*) => {
                $(if let Some(text) = from.$field {
                    to = to.$with(self.short($what, text)?);
                })*
            };
        }
        set!(
            content_type with_content_type "content type",
            content_encoding with_content_encoding "content encoding",
            correlation_id with_correlation_id "correlation id",
            reply_to with_reply_to "reply-to address",
            expiration with_expiration "expiration",
            message_id with_message_id "message id",
            message_type with_type "type",
            user_id with_user_id "user id",
            app_id with_app_id "application id",
            cluster_id with_cluster_id "cluster id"
        );
        if let Some(priority) = from.priority {
            self.0 += 1;
            to = to.with_priority(priority);
        }
        if let Some(timestamp) = from.timestamp {
            self.0 += 8;
            to = to.with_timestamp(timestamp);
        }
        if !headers.is_empty() {
            to = to.with_headers(self.table(headers.into_iter(), MAX_HEADER_DEPTH)?);
        }
        Ok(to)
    }

    fn short(&mut self, what: &str, text: String) -> Result<ShortString> {
        self.0 += 1 + text.len();
        short(what, text)
    }

    fn table(
        &mut self,
        values: impl Iterator<Item = (String, HeaderValue)>,
        depth: usize,
    ) -> Result<FieldTable> {
        self.0 += 4;
        let mut table = FieldTable::default();
        for (name, value) in values {
            let name = self.short("name of a header", name)?;
            table.insert(name, self.value(value, depth)?);
        }
        Ok(table)
    }

    fn array(&mut self, values: Vec<HeaderValue>, depth: usize) -> Result<FieldArray> {
        self.0 += 4;
        let mut array = FieldArray::default();
        for value in values {
            array.push(self.value(value, depth)?);
        }
        Ok(array)
    }

    /// Writes a value with at most `depth` levels below it.
    fn value(&mut self, value: HeaderValue, depth: usize) -> Result<AMQPValue> {
        let (len, value) = match value {
            HeaderValue::Void => (0, AMQPValue::Void),
            HeaderValue::Bool(value) => (1, AMQPValue::Boolean(value)),
            HeaderValue::I8(value) => (1, AMQPValue::ShortShortInt(value)),
            HeaderValue::U8(value) => (1, AMQPValue::ShortShortUInt(value)),
            HeaderValue::I16(value) => (2, AMQPValue::ShortInt(value)),
            HeaderValue::U16(value) => (2, AMQPValue::ShortUInt(value)),
            HeaderValue::I32(value) => (4, AMQPValue::LongInt(value)),
            HeaderValue::U32(value) => (4, AMQPValue::LongUInt(value)),
            HeaderValue::I64(value) => (8, AMQPValue::LongLongInt(value)),
            HeaderValue::F32(value) => (4, AMQPValue::Float(value)),
            HeaderValue::F64(value) => (8, AMQPValue::Double(value)),
            HeaderValue::Decimal { scale, value } => {
                (5, AMQPValue::DecimalValue(DecimalValue { scale, value }))
            }
            HeaderValue::Timestamp(value) => (8, AMQPValue::Timestamp(value)),
            HeaderValue::Text(text) => (4 + text.len(), AMQPValue::LongString(LongString::from(text))),
            HeaderValue::Bytes(bytes) => (4 + bytes.len(), AMQPValue::ByteArray(bytes.as_ref().into())),
            HeaderValue::Array(_) | HeaderValue::Table(_) if depth == 0 => return Err(too_deep()),
            HeaderValue::Array(values) => (0, AMQPValue::FieldArray(self.array(values, depth - 1)?)),
            HeaderValue::Table(table) => {
                (0, AMQPValue::FieldTable(self.table(table.into_iter(), depth - 1)?))
            }
            other => {
                return Err(Error::unpublishable(format!("AMQP has no type for the header value {other:?}")));
            }
        };
        self.0 += 1 + len;
        Ok(value)
    }
}

fn too_deep() -> Error {
    Error::unpublishable(format!("a header nests more than {MAX_HEADER_DEPTH} levels deep"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Cursor};

    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = HeaderValue> {
        let leaf = prop_oneof![
            Just(HeaderValue::Void),
            any::<bool>().prop_map(HeaderValue::Bool),
            any::<i8>().prop_map(HeaderValue::I8),
            any::<u8>().prop_map(HeaderValue::U8),
            any::<i16>().prop_map(HeaderValue::I16),
            any::<u16>().prop_map(HeaderValue::U16),
            any::<i32>().prop_map(HeaderValue::I32),
            any::<u32>().prop_map(HeaderValue::U32),
            any::<i64>().prop_map(HeaderValue::I64),
            any::<f32>().prop_map(HeaderValue::F32),
            any::<f64>().prop_map(HeaderValue::F64),
            any::<(u8, u32)>().prop_map(|(scale, value)| HeaderValue::Decimal { scale, value }),
            any::<String>().prop_map(HeaderValue::Text),
            any::<Vec<u8>>().prop_map(|bytes| HeaderValue::Bytes(bytes.into())),
            any::<u64>().prop_map(HeaderValue::Timestamp),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(HeaderValue::Array),
                prop::collection::btree_map("[a-zä-]{0,20}", inner, 0..6).prop_map(HeaderValue::Table),
            ]
        })
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let texts = prop::collection::vec(prop::option::of(".{0,60}"), 10);
        let numbers = any::<(Option<u8>, Option<u64>)>();
        let headers = prop::collection::btree_map("[a-zä-]{0,20}", any_value(), 0..6);
        (texts, numbers, headers, any::<Vec<u8>>(), ".{0,60}").prop_map(
            |(texts, (priority, timestamp), headers, body, name)| {
                let mut texts = texts.into_iter();
                let mut text = move || texts.next().flatten();
                let properties = Properties {
                    content_type: text(),
                    content_encoding: text(),
                    delivery_mode: Some(PERSISTENT),
                    priority,
                    correlation_id: text(),
                    reply_to: text(),
                    expiration: text(),
                    message_id: text(),
                    timestamp,
                    message_type: text(),
                    user_id: text(),
                    app_id: text(),
                    cluster_id: text(),
                };
                let (exchange, routing_key) = (name.clone(), name);
                Message {
                    properties,
                    headers: headers.into_iter().collect(),
                    body: body.into(),
                    exchange,
                    routing_key,
                }
            },
        )
    }

    fn publication(message: Message) -> Publication {
        Publication { exchange: message.exchange.clone(), routing_key: message.routing_key.clone(), message }
    }

    fn delivered(outgoing: Outgoing) -> Message {
        let Outgoing { exchange, routing_key, properties, body, .. } = outgoing;
        let mut delivery = lapin::message::Delivery::mock(1, exchange, routing_key, false, body.to_vec());
        delivery.properties = properties;
        received(&mut delivery)
    }

    /// The bytes of the content header as lapin writes it.
    fn encoded(properties: &BasicProperties) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 20];
        let written = lapin::protocol::basic::gen_properties(properties)(Cursor::new(&mut buffer[..]).into());
        let (_, len) = written.expect("the buffer has room").into_inner();
        buffer.truncate(len as usize);
        buffer
    }

    proptest! {
        #[test]
        fn what_is_published_arrives_unchanged(message in any_message()) {
            let outgoing = Outgoing::new(publication(message.clone())).expect("everything fits");
            let flags = 2;
            let prefix = 14 - flags;
            prop_assert_eq!(outgoing.header_len, prefix + encoded(&outgoing.properties).len());
            let arrived = delivered(outgoing);
            // NaN is not equal to itself, its text is.
            prop_assert_eq!(format!("{arrived:?}"), format!("{message:?}"));
        }
    }

    /// A value with this many levels of tables below it.
    fn nested(depth: usize) -> HeaderValue {
        (0..depth)
            .fold(HeaderValue::Void, |inner, _| HeaderValue::Table(BTreeMap::from([("t".to_owned(), inner)])))
    }

    #[test]
    fn headers_are_published_up_to_the_depth_that_is_read() {
        let with = |depth| {
            let mut message = Message::default();
            message.headers.insert("deep", nested(depth));
            Outgoing::new(publication(message))
        };
        let deepest = delivered(with(MAX_HEADER_DEPTH).expect("just deep enough"));
        assert_eq!(deepest.headers.get("deep"), Some(&nested(MAX_HEADER_DEPTH)));
        assert!(with(MAX_HEADER_DEPTH + 1).expect_err("too deep").is_unpublishable());
    }

    #[test]
    fn a_name_of_256_bytes_is_an_error_and_no_panic() {
        let long = || "x".repeat(256);
        let properties = Properties { app_id: Some(long()), ..Properties::default() };
        let app = Message { properties, ..Message::default() };
        let mut header = Message::default();
        header.headers.insert(long(), "value");
        let key = Message { routing_key: long(), ..Message::default() };
        for message in [app, header, key] {
            assert!(Outgoing::new(publication(message)).expect_err("256 bytes").is_unpublishable());
        }
    }

    #[test]
    fn a_long_string_of_any_bytes_is_kept() {
        let mut table = FieldTable::default();
        table.insert("odd".into(), AMQPValue::LongString(LongString::from(vec![0xff, 0])));
        let odd = headers(&table);
        assert_eq!(odd.get("odd"), Some(&HeaderValue::Bytes(vec![0xff, 0].into())));
    }
}
