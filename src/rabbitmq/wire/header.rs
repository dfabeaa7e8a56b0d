//! Content headers on the wire, and how one that lapin cannot read is mended.

use std::{borrow::Cow, str};

use super::{
    cursor::{Cursor, put_long, put_short},
    table::{self, Changes},
};

/// The header that carries, from the screen to the consumer, what of a message was replaced.
///
/// It never leaves the process. A publisher who sets it gets its own message into the dead-letter queue.
pub(in crate::rabbitmq) const DAMAGE: &str = "x-consumer-damage";
/// In front of the name of a property whose bytes were no text.
const ORIGINAL: &str = "x-consumer-original-";
/// Class, weight and size of the body, in front of the flags.
const PREFIX: usize = 12;
/// No broker agrees on frames smaller than this, so what fits it always fits.
const SMALLEST_FRAME: usize = 4096;
/// The bytes of a frame around its payload.
const FRAME: usize = 8;

/// How a property is laid out.
enum Layout {
    Short,
    Table,
    Fixed(usize),
}

/// The properties in the order of their flags, from the highest bit down; the two lowest mean nothing to lapin.
const PROPERTIES: [(&str, Layout); 14] = [
    ("content-type", Layout::Short),
    ("content-encoding", Layout::Short),
    ("headers", Layout::Table),
    ("delivery-mode", Layout::Fixed(1)),
    ("priority", Layout::Fixed(1)),
    ("correlation-id", Layout::Short),
    ("reply-to", Layout::Short),
    ("expiration", Layout::Short),
    ("message-id", Layout::Short),
    ("timestamp", Layout::Fixed(8)),
    ("type", Layout::Short),
    ("user-id", Layout::Short),
    ("app-id", Layout::Short),
    ("cluster-id", Layout::Short),
];

/// The size of the body that a content header announces.
pub(super) fn body_size(payload: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(payload);
    cursor.take(4)?;
    cursor.u64()
}

/// The message id, if the message has one; `None` if that cannot be read.
pub(super) fn message_id(payload: &[u8]) -> Option<Option<&[u8]>> {
    let mended = Mended::read(payload)?;
    let Some((_, property)) = mended.kept.iter().find(|(flag, _)| *flag == MESSAGE_ID_FLAG) else {
        return (!mended.originals.iter().any(|(name, _)| name.ends_with("message-id"))).then_some(None);
    };
    property.get(1..).map(Some)
}

/// The header as lapin can read it; `None` if it can read it as it is.
pub(super) fn mend(payload: &[u8]) -> Option<Vec<u8>> {
    let Some(mended) = Mended::read(payload) else {
        return Some(unreadable(payload));
    };
    if mended.is_unchanged() {
        return None;
    }
    let allowed = payload.len().max(SMALLEST_FRAME - FRAME);
    Some(mended.write(payload, allowed))
}

/// A header as it was read, with what is wrong with it.
#[derive(Default)]
struct Mended<'a> {
    /// The properties that can be kept, headers excepted, each with its flag.
    kept: Vec<(u16, &'a [u8])>,
    /// The content of the headers' table.
    headers: Option<Cow<'a, [u8]>>,
    /// What could not be kept: header name and bytes.
    originals: Vec<(String, &'a [u8])>,
    damage: Vec<String>,
    changes: Changes,
}

impl<'a> Mended<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload.get(PREFIX..)?);
        let flags = cursor.u16()?;
        let mut mended = Self { kept: Vec::with_capacity(PROPERTIES.len()), ..Self::default() };
        for (index, (name, layout)) in PROPERTIES.iter().enumerate() {
            let flag = 1 << (15 - index);
            if flags & flag != 0 {
                mended.property(name, flag, layout, &mut cursor)?;
            }
        }
        cursor.is_empty().then_some(mended)
    }

    fn property(&mut self, name: &str, flag: u16, layout: &Layout, cursor: &mut Cursor<'a>) -> Option<()> {
        let from = *cursor;
        match layout {
            Layout::Table => return cursor.long().map(|content| self.table(name, content)),
            Layout::Fixed(len) => cursor.take(*len)?,
            Layout::Short => {
                let bytes = cursor.short()?;
                if str::from_utf8(bytes).is_err() {
                    self.lose(name, bytes, "is not UTF-8");
                    return Some(());
                }
                bytes
            }
        };
        self.kept.push((flag, from.until(cursor)));
        Some(())
    }

    fn table(&mut self, name: &str, content: &'a [u8]) {
        if table::is_readable(content) {
            self.headers = Some(Cow::Borrowed(content));
            return;
        }
        match table::mend(content, &mut self.changes) {
            Some(headers) => self.headers = Some(Cow::Owned(headers)),
            None => self.lose(name, content, "cannot be read"),
        }
        if self.changes.keys {
            self.damage.push("the name of a header is not UTF-8".to_owned());
        }
    }

    fn lose(&mut self, name: &str, bytes: &'a [u8], why: &str) {
        self.originals.push((format!("{ORIGINAL}{name}"), bytes));
        self.damage.push(format!("{name} {why}"));
    }

    fn is_unchanged(&self) -> bool {
        self.damage.is_empty() && self.changes.is_none()
    }

    /// Writes the header, with fewer details if it would outgrow what fits a frame for certain.
    fn write(mut self, payload: &[u8], allowed: usize) -> Vec<u8> {
        let full = self.assemble(payload);
        if full.len() <= allowed {
            return full;
        }
        self.originals.clear();
        self.headers = None;
        self.damage.push("its headers did not fit".to_owned());
        self.assemble(payload)
    }

    fn assemble(&self, payload: &[u8]) -> Vec<u8> {
        let headers = self.headers_with_damage();
        let mut out = payload[..PREFIX].to_vec();
        let flags = self.kept.iter().fold(0, |flags, (flag, _)| flags | flag);
        out.extend_from_slice(&(flags | headers.as_ref().map_or(0, |_| HEADERS_FLAG)).to_be_bytes());
        let (before, after): (Vec<_>, Vec<_>) = self.kept.iter().partition(|(flag, _)| *flag > HEADERS_FLAG);
        before.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
        if let Some(headers) = headers {
            put_long(&mut out, &headers);
        }
        after.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
        out
    }

    fn headers_with_damage(&self) -> Option<Vec<u8>> {
        if self.damage.is_empty() {
            return self.headers.as_deref().map(<[u8]>::to_vec);
        }
        let mut headers = self.headers.as_deref().unwrap_or_default().to_vec();
        for (name, bytes) in &self.originals {
            put_value(&mut headers, name, b'x', bytes);
        }
        put_value(&mut headers, DAMAGE, b'S', self.damage.join(", ").as_bytes());
        Some(headers)
    }
}

/// The flag of the headers' table.
const HEADERS_FLAG: u16 = 1 << 13;
/// The flag of the message id.
const MESSAGE_ID_FLAG: u16 = 1 << 7;

/// A header that says nothing but that it could not be read, and how long the body is.
fn unreadable(payload: &[u8]) -> Vec<u8> {
    let mut prefix = payload.to_vec();
    prefix.resize(PREFIX, 0);
    let damage = vec!["its properties cannot be read".to_owned()];
    Mended { damage, ..Mended::default() }.assemble(&prefix)
}

fn put_value(out: &mut Vec<u8>, name: &str, tag: u8, bytes: &[u8]) {
    put_short(out, name);
    out.push(tag);
    put_long(out, bytes);
}
