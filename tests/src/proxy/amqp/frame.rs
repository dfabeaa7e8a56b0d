//! Frames of AMQP 0-9-1, cut out of a stream of bytes.

/// Type, channel and length.
const FRONT: usize = 7;
/// What a client says first, in no frame.
const GREETING: &[u8] = b"AMQP";
const GREETING_LENGTH: usize = 8;

/// A method's type.
pub(super) const METHOD: u8 = 1;
/// A content header's type.
pub(super) const HEADER: u8 = 2;

/// One frame, with its bytes as they came.
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) channel: u16,
    pub(super) bytes: Vec<u8>,
}

impl Frame {
    /// What is in it.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(FRONT..self.bytes.len().saturating_sub(1)).unwrap_or_default()
    }
}

/// The frames of one direction.
#[derive(Default)]
pub(super) struct Frames(Vec<u8>);

impl Frames {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }
}

impl Iterator for Frames {
    type Item = Frame;

    /// The next one that is complete.
    fn next(&mut self) -> Option<Frame> {
        if self.0.starts_with(GREETING) {
            return self.cut(0, 0, GREETING_LENGTH);
        }
        let [kind, c0, c1, s0, s1, s2, s3] = *self.0.first_chunk::<FRONT>()?;
        let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
        self.cut(kind, u16::from_be_bytes([c0, c1]), FRONT + size + 1)
    }
}

impl Frames {
    fn cut(&mut self, kind: u8, channel: u16, length: usize) -> Option<Frame> {
        let bytes = (self.0.len() >= length).then(|| self.0.drain(..length).collect())?;
        Some(Frame { kind, channel, bytes })
    }
}
