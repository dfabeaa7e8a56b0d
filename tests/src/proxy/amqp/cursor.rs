//! A cursor over the fields of a frame.

/// What is left to read.
pub(super) struct Cursor<'f>(pub(super) &'f [u8]);

impl<'f> Cursor<'f> {
    fn take(&mut self, length: usize) -> Option<&'f [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.take(8)?.first_chunk()?))
    }

    pub(super) fn short_text(&mut self) -> Option<String> {
        let length = self.u8()?;
        let bytes = self.take(usize::from(length))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Leaves out so many bytes.
    pub(super) fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(drop)
    }

    /// Leaves out a field that has its length in front of it.
    pub(super) fn skip_long(&mut self) -> Option<()> {
        let length = self.u32()?;
        self.skip(length as usize)
    }
}
