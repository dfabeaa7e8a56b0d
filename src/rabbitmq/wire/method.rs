//! Methods that announce a content, and how one that lapin cannot read is mended.

use std::str;

use super::cursor::{Cursor, put_short};

const BASIC: u16 = 60;
const RETURN: u16 = 50;
const DELIVER: u16 = 60;

/// One of our messages that no queue took, without its content.
pub(super) struct Returned {
    /// Why.
    pub(super) said: String,
    pub(super) exchange: Vec<u8>,
    pub(super) routing_key: Vec<u8>,
}

/// The arguments of a return.
pub(super) fn returned(payload: &[u8]) -> Option<Returned> {
    let mut cursor = Cursor::new(payload);
    cursor.take(6)?;
    let said = String::from_utf8_lossy(cursor.short()?).into_owned();
    let (exchange, routing_key) = (cursor.short()?.to_vec(), cursor.short()?.to_vec());
    Some(Returned { said, exchange, routing_key })
}

/// What a method is, as far as the screen cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message for a consumer.
    Deliver,
    /// One of our own that no queue took.
    Return,
    /// Any other.
    Other,
}

pub(super) fn kind(payload: &[u8]) -> Kind {
    let mut cursor = Cursor::new(payload);
    match (cursor.u16(), cursor.u16()) {
        (Some(BASIC), Some(DELIVER)) => Kind::Deliver,
        (Some(BASIC), Some(RETURN)) => Kind::Return,
        _ => Kind::Other,
    }
}

/// A delivery whose exchange and routing key are UTF-8; `None` if they are, or if it is no delivery.
///
/// No rule looks at either, so a routing key of any bytes costs a message nothing but its spelling.
pub(super) fn mend(payload: &[u8]) -> Option<Vec<u8>> {
    let start = Cursor::new(payload);
    let mut cursor = start;
    cursor.take(4)?;
    cursor.short()?;
    cursor.take(9)?;
    let front = start.until(&cursor);
    let (exchange, routing_key) = (cursor.short()?, cursor.short()?);
    if str::from_utf8(exchange).is_ok() && str::from_utf8(routing_key).is_ok() {
        return None;
    }
    let mut out = front.to_vec();
    put_short(&mut out, &String::from_utf8_lossy(exchange));
    put_short(&mut out, &String::from_utf8_lossy(routing_key));
    Some(out)
}
