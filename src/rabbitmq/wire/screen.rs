//! The screen: what the broker sends, made readable for lapin before lapin sees it.

use std::collections::HashMap;

use bytes::{Buf, BytesMut};

use super::{header, method};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 0xCE;

/// Type, channel and length.
const FRONT: usize = 7;
/// The largest frame that is held back until it is complete. Methods and headers fit the frame size that both sides
/// agreed on, 128 KiB with RabbitMQ's defaults; what claims to be larger than this is not ours to judge.
const LARGEST: usize = 16 << 20;

/// Takes what the broker sent and gives what lapin may read, in the same order.
///
/// lapin ends the whole connection on a property that is no UTF-8, and overflows its stack, which ends the process, on
/// a table nested a thousand levels deep; both come back with every reconnect. Only methods and content headers are
/// looked at; bodies pass.
///
/// The content of a returned message is dropped: lapin logs all of it, and nobody reads it.
#[derive(Default)]
pub(super) struct Screen {
    input: BytesMut,
    output: BytesMut,
    /// Bytes of the current frame that need no look.
    passing: usize,
    /// Bytes of the current frame that nobody gets.
    dropping: usize,
    /// The stream is none that we know: everything passes.
    blind: bool,
    /// Channels on which a returned message follows, with the bytes of its body that are still to come.
    returned: HashMap<u16, u64>,
}

/// The bytes until the header of a returned message is there.
const HEADER_TO_COME: u64 = u64::MAX;

impl Screen {
    /// Takes bytes from the broker.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while self.step() {}
    }

    /// No more bytes follow: what is incomplete is lapin's to complain about.
    pub(super) fn end(&mut self) {
        self.blind = true;
        self.feed(&[]);
    }

    /// Gives bytes to lapin.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let len = buffer.len().min(self.output.len());
        self.output.copy_to_slice(&mut buffer[..len]);
        len
    }

    /// Whether something moved.
    fn step(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        if self.blind {
            self.output.unsplit(self.input.split());
            return true;
        }
        if self.passing > 0 {
            let len = self.passing.min(self.input.len());
            self.passing -= len;
            self.output.unsplit(self.input.split_to(len));
            return true;
        }
        if self.dropping > 0 {
            let len = self.dropping.min(self.input.len());
            self.dropping -= len;
            self.input.advance(len);
            return true;
        }
        self.frame()
    }

    fn frame(&mut self) -> bool {
        let Some(&[kind, c0, c1, s0, s1, s2, s3]) = self.input.first_chunk::<FRONT>() else {
            // "AMQP", a broker that refuses our version, is shorter than a frame.
            self.blind = !matches!(self.input[0], METHOD | HEADER | BODY | HEARTBEAT);
            return self.blind;
        };
        let channel = u16::from_be_bytes([c0, c1]);
        let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
        match kind {
            METHOD | HEADER if size <= LARGEST => self.whole(kind, channel, size),
            BODY | HEARTBEAT => self.body(channel, size),
            _ => {
                self.blind = true;
                true
            }
        }
    }

    fn body(&mut self, channel: u16, size: usize) -> bool {
        let whole = size + FRONT + 1;
        match self.returned.get_mut(&channel) {
            Some(left) => {
                *left = left.saturating_sub(size as u64);
                if *left == 0 {
                    self.returned.remove(&channel);
                }
                self.dropping = whole;
            }
            None => self.passing = whole,
        }
        true
    }

    fn whole(&mut self, kind: u8, channel: u16, size: usize) -> bool {
        let whole = size + FRONT + 1;
        if self.input.len() < whole {
            return false;
        }
        if self.input[whole - 1] != FRAME_END {
            self.blind = true;
            return true;
        }
        let frame = self.input.split_to(whole);
        let payload = &frame[FRONT..whole - 1];
        let mended =
            if kind == HEADER { self.header(channel, payload) } else { self.method(channel, payload) };
        match mended {
            None => self.output.unsplit(frame),
            Some(payload) => self.put(kind, channel, &payload),
        }
        true
    }

    fn method(&mut self, channel: u16, payload: &[u8]) -> Option<Vec<u8>> {
        match method::kind(payload) {
            method::Kind::Deliver => method::mend(payload),
            method::Kind::Return => {
                self.returned.insert(channel, HEADER_TO_COME);
                None
            }
            method::Kind::Other => None,
        }
    }

    fn header(&mut self, channel: u16, payload: &[u8]) -> Option<Vec<u8>> {
        if self.returned.get(&channel) != Some(&HEADER_TO_COME) {
            return header::mend(payload);
        }
        match header::body_size(payload) {
            None | Some(0) => self.returned.remove(&channel),
            Some(size) => self.returned.insert(channel, size),
        };
        Some(header::emptied(payload))
    }

    fn put(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.output.extend_from_slice(&[kind]);
        self.output.extend_from_slice(&channel.to_be_bytes());
        self.output.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        self.output.extend_from_slice(payload);
        self.output.extend_from_slice(&[FRAME_END]);
    }
}
