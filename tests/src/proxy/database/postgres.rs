//! PostgreSQL's protocol, version 3.

use super::{Protocol, Request, word};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// What a client has sent.
#[derive(Default)]
pub(super) struct Postgres {
    buffer: Vec<u8>,
    /// Whether the startup message has passed; before it messages have no type.
    started: bool,
    /// Whether the statement that was parsed last is a COMMIT.
    parsed_commit: bool,
}

impl Protocol for Postgres {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    fn next(&mut self) -> Option<Request> {
        if self.started { self.message() } else { self.startup() }
    }

    /// `ReadyForQuery` is the last message of a reply: its type, its length of 5, one byte of state.
    fn is_answered(&self, reply: &[u8]) -> bool {
        reply.len() >= 6 && reply[reply.len() - 6..].starts_with(b"Z\0\0\0\x05")
    }
}

impl Postgres {
    fn startup(&mut self) -> Option<Request> {
        let code = u32::from_be_bytes(*self.buffer.get(4..)?.first_chunk()?);
        let bytes = self.take(0)?;
        self.started = !matches!(code, SSL_REQUEST | GSS_REQUEST);
        Some(Request { bytes, commits: false })
    }

    fn message(&mut self) -> Option<Request> {
        let bytes = self.take(1)?;
        let commits = match bytes[0] {
            b'Q' => word::commits(&bytes[5..]),
            b'P' => {
                self.parsed_commit = word::commits(&bytes[5..]);
                false
            }
            b'E' => self.parsed_commit,
            _ => false,
        };
        Some(Request { bytes, commits })
    }

    /// The next message; its length stands after `front` bytes and counts itself.
    fn take(&mut self, front: usize) -> Option<Vec<u8>> {
        let length = u32::from_be_bytes(*self.buffer.get(front..)?.first_chunk()?) as usize + front;
        (self.buffer.len() >= length).then(|| self.buffer.drain(..length).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_however_the_bytes_arrive() {
        let mut stream = vec![0, 0, 0, 8, 0, 3, 0, 0];
        stream.extend(b"Q\0\0\0\x0bSELECT\0Q\0\0\0\x0bCOMMIT\0");
        let mut postgres = Postgres::default();
        let mut found = Vec::new();
        for byte in stream {
            postgres.feed(&[byte]);
            found.extend(postgres.next().map(|request| request.commits));
        }
        assert_eq!(found, [false, false, true]);
        assert!(postgres.is_answered(b"C\0\0\0\x0bCOMMIT\0Z\0\0\0\x05I"));
        assert!(!postgres.is_answered(b"C\0\0\0\x0bCOMMIT\0"));
    }
}
