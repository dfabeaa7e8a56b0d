//! The methods that a proxy has to understand to know what an acknowledgement covers.

use super::cursor::Cursor;

/// A method, where we care.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `channel.open` or `channel.close`: whatever was owed on the channel is not any more.
    Fresh,
    /// `basic.consume`.
    Consume { queue: String },
    /// `basic.deliver`; a content header follows.
    Deliver { tag: u64, redelivered: bool },
    /// `basic.publish`; a content header follows.
    Publish,
    /// `basic.ack`: of a delivery from the client, of a publish from the server.
    Ack { tag: u64, multiple: bool },
    /// `basic.nack` or `basic.reject`: it goes back.
    Return { tag: u64, multiple: bool },
    /// Any other.
    Other,
}

const CHANNEL_OPEN: (u16, u16) = (20, 10);
const CHANNEL_CLOSE: (u16, u16) = (20, 40);
const CONSUME: (u16, u16) = (60, 20);
const PUBLISH: (u16, u16) = (60, 40);
const DELIVER: (u16, u16) = (60, 60);
const ACK: (u16, u16) = (60, 80);
const REJECT: (u16, u16) = (60, 90);
const NACK: (u16, u16) = (60, 120);

impl Method {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let mut fields = Cursor(payload);
        Some(match (fields.u16()?, fields.u16()?) {
            CHANNEL_OPEN | CHANNEL_CLOSE => Self::Fresh,
            CONSUME => {
                fields.u16()?;
                Self::Consume { queue: fields.short_text()? }
            }
            DELIVER => {
                fields.short_text()?;
                Self::Deliver { tag: fields.u64()?, redelivered: fields.u8()? & 1 == 1 }
            }
            PUBLISH => Self::Publish,
            ACK => Self::Ack { tag: fields.u64()?, multiple: fields.u8()? & 1 == 1 },
            NACK => Self::Return { tag: fields.u64()?, multiple: fields.u8()? & 1 == 1 },
            REJECT => Self::Return { tag: fields.u64()?, multiple: false },
            _ => Self::Other,
        })
    }
}

/// What stands in a content header before its properties, in bytes.
const CLASS_WEIGHT_AND_SIZE: usize = 2 + 2 + 8;
/// The properties before `message-id`, by their bit, and what each one looks like.
const BEFORE_ID: [(u32, Kind); 8] = [
    (15, Kind::ShortText),
    (14, Kind::ShortText),
    (13, Kind::Long),
    (12, Kind::Byte),
    (11, Kind::Byte),
    (10, Kind::ShortText),
    (9, Kind::ShortText),
    (8, Kind::ShortText),
];
const ID_BIT: u32 = 7;

#[derive(Clone, Copy)]
enum Kind {
    ShortText,
    Long,
    Byte,
}

/// The message id in a content header; empty if there is none.
pub(super) fn message_id(payload: &[u8]) -> Option<String> {
    let mut fields = Cursor(payload);
    fields.skip(CLASS_WEIGHT_AND_SIZE)?;
    let flags = fields.u16()?;
    let is_set = |bit: u32| flags & (1 << bit) != 0;
    for (_, kind) in BEFORE_ID.into_iter().filter(|(bit, _)| is_set(*bit)) {
        match kind {
            Kind::ShortText => drop(fields.short_text()?),
            Kind::Long => fields.skip_long()?,
            Kind::Byte => drop(fields.u8()?),
        }
    }
    if is_set(ID_BIT) { fields.short_text() } else { Some(String::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_and_its_id_are_read() {
        let deliver = b"\0\x3c\0\x3c\x03tag\0\0\0\0\0\0\0\x07\x01\0\0";
        assert_eq!(Method::parse(deliver), Some(Method::Deliver { tag: 7, redelivered: true }));
        // content-type, headers, delivery-mode, message-id.
        let header = b"\0\x3c\0\0\0\0\0\0\0\0\0\x02\xb0\x80\x01t\0\0\0\x03\x01kV\x02\x02id";
        assert_eq!(message_id(header).as_deref(), Some("id"));
        assert_eq!(
            Method::parse(b"\0\x3c\0\x50\0\0\0\0\0\0\0\x09\x01"),
            Some(Method::Ack { tag: 9, multiple: true })
        );
    }
}
