//! Tables of headers on the wire, and how one that cannot be read is mended.

use std::{borrow::Cow, str};

use consumer_core::message::MAX_HEADER_DEPTH;

use super::cursor::{Cursor, put_long, put_short};

/// The tag of a byte array.
const BYTES: u8 = b'x';

/// What had to be changed about a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// A key was no UTF-8.
    pub(super) keys: bool,
    /// A table or array lay deeper than [`MAX_HEADER_DEPTH`] and is a byte array now.
    pub(super) depth: bool,
}

impl Changes {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The content of a table with every key readable and nothing too deep; `None` if it is no table at all.
///
/// A table and a byte array are laid out alike, length first, so what is too deep only changes its tag. The recursion
/// ends at [`MAX_HEADER_DEPTH`].
pub(super) fn mend(content: &[u8], changes: &mut Changes) -> Option<Vec<u8>> {
    table(content, 0, changes)
}

/// Whether lapin can read the content of a table as it is.
pub(super) fn is_readable(content: &[u8]) -> bool {
    all_readable(content, true, 0).is_some()
}

fn all_readable(content: &[u8], keys: bool, depth: usize) -> Option<()> {
    let mut cursor = Cursor::new(content);
    while !cursor.is_empty() {
        if keys {
            str::from_utf8(cursor.short()?).ok()?;
        }
        match cursor.u8()? {
            tag @ (b'F' | b'A') if depth < MAX_HEADER_DEPTH => {
                all_readable(cursor.long()?, tag == b'F', depth + 1)?
            }
            b'F' | b'A' => return None,
            b'S' | BYTES => _ = cursor.long()?,
            tag => _ = cursor.take(fixed_len(tag)?)?,
        }
    }
    Some(())
}

fn table(content: &[u8], depth: usize, changes: &mut Changes) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(content);
    let mut out = Vec::with_capacity(content.len());
    while !cursor.is_empty() {
        let key = String::from_utf8_lossy(cursor.short()?);
        changes.keys |= matches!(key, Cow::Owned(_));
        put_short(&mut out, &key);
        value(&mut cursor, depth, &mut out, changes)?;
    }
    Some(out)
}

fn array(content: &[u8], depth: usize, changes: &mut Changes) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(content);
    let mut out = Vec::with_capacity(content.len());
    while !cursor.is_empty() {
        value(&mut cursor, depth, &mut out, changes)?;
    }
    Some(out)
}

fn value(cursor: &mut Cursor<'_>, depth: usize, out: &mut Vec<u8>, changes: &mut Changes) -> Option<()> {
    let tag = cursor.u8()?;
    match tag {
        b'F' | b'A' => container(tag, cursor.long()?, depth + 1, out, changes),
        b'S' | BYTES => {
            out.push(tag);
            put_long(out, cursor.long()?);
            Some(())
        }
        _ => {
            out.push(tag);
            out.extend_from_slice(cursor.take(fixed_len(tag)?)?);
            Some(())
        }
    }
}

fn container(tag: u8, content: &[u8], depth: usize, out: &mut Vec<u8>, changes: &mut Changes) -> Option<()> {
    if depth > MAX_HEADER_DEPTH {
        changes.depth = true;
        out.push(BYTES);
        put_long(out, content);
        return Some(());
    }
    let walk = if tag == b'F' { table } else { array };
    let inner = walk(content, depth, changes)?;
    out.push(tag);
    put_long(out, &inner);
    Some(())
}

/// The length of a value that has no length of its own; `None` for a type that lapin does not know.
fn fixed_len(tag: u8) -> Option<usize> {
    match tag {
        b'V' => Some(0),
        b't' | b'b' | b'B' => Some(1),
        b's' | b'U' | b'u' => Some(2),
        b'I' | b'i' | b'f' => Some(4),
        b'D' => Some(5),
        b'L' | b'l' | b'd' | b'T' => Some(8),
        _ => None,
    }
}
