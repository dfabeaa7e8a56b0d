//! A cursor over the bytes of one frame.

/// Reads from the front; `None` where the bytes end too early.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes between this cursor and a later one.
    pub(super) fn until(&self, later: &Self) -> &'a [u8] {
        &self.0[..self.0.len() - later.0.len()]
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// A short string: one byte of length, then that many.
    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// A long string, byte array, table or array: four bytes of length, then that many.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }
}

/// Appends a short string; what does not fit its one byte of length is cut off between two characters.
pub(super) fn put_short(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(u8::MAX.into())];
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// Appends four bytes of length, then the bytes. All of them came out of one frame, whose own length has four bytes.
pub(super) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
