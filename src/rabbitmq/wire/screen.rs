//! The screen: what the broker sends, made readable for lapin before lapin sees it.

use std::collections::HashMap;

use bytes::{Buf, BytesMut};

use super::{
    header,
    method::{self, Returned},
};
use crate::rabbitmq::returns::{Likeness, Returns};

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
/// A returned message is kept from lapin, which would log all of it and hand it to the wrong confirm; [`Returns`] are told.
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
    /// Channels on which the rest of a returned message follows.
    coming_back: HashMap<u16, Rest>,
    returns: Returns,
}

/// What of a returned message is still to come.
enum Rest {
    /// Its content header, after this method; `None` if the method could not be read.
    Header(Option<Returned>),
    /// So many bytes of its body.
    Body(u64),
}

/// What lapin gets of a frame.
enum Shown {
    Whole,
    Mended(Vec<u8>),
    Nothing,
}

impl From<Option<Vec<u8>>> for Shown {
    fn from(mended: Option<Vec<u8>>) -> Self {
        mended.map_or(Self::Whole, Self::Mended)
    }
}

impl Screen {
    pub(super) fn new(returns: Returns) -> Self {
        Self { returns, ..Self::default() }
    }

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
        match self.coming_back.get_mut(&channel) {
            Some(Rest::Body(left)) => {
                *left = left.saturating_sub(size as u64);
                if *left == 0 {
                    self.coming_back.remove(&channel);
                }
                self.dropping = whole;
            }
            _ => self.passing = whole,
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
        let shown =
            if kind == HEADER { self.header(channel, payload) } else { self.method(channel, payload) };
        match shown {
            Shown::Whole => self.output.unsplit(frame),
            Shown::Mended(payload) => self.put(kind, channel, &payload),
            Shown::Nothing => {}
        }
        true
    }

    fn method(&mut self, channel: u16, payload: &[u8]) -> Shown {
        match method::kind(payload) {
            method::Kind::Deliver => method::mend(payload).into(),
            method::Kind::Return => {
                self.coming_back.insert(channel, Rest::Header(method::returned(payload)));
                Shown::Nothing
            }
            method::Kind::Other => Shown::Whole,
        }
    }

    fn header(&mut self, channel: u16, payload: &[u8]) -> Shown {
        match self.coming_back.remove(&channel) {
            Some(Rest::Header(returned)) => self.came_back(channel, returned, payload),
            _ => return header::mend(payload).into(),
        }
        if let Some(size) = header::body_size(payload).filter(|size| *size > 0) {
            self.coming_back.insert(channel, Rest::Body(size));
        }
        Shown::Nothing
    }

    fn came_back(&self, channel: u16, returned: Option<Returned>, header: &[u8]) {
        let likeness = returned.as_ref().zip(header::message_id(header));
        let likeness =
            likeness.map(|(returned, id)| Likeness::of(&returned.exchange, &returned.routing_key, id));
        self.returns.put(channel, likeness, returned.map(|returned| returned.said).unwrap_or_default());
    }

    fn put(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.output.extend_from_slice(&[kind]);
        self.output.extend_from_slice(&channel.to_be_bytes());
        self.output.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        self.output.extend_from_slice(payload);
        self.output.extend_from_slice(&[FRAME_END]);
    }
}
