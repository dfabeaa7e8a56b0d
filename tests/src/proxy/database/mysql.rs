//! The protocol of MySQL and MariaDB.

use super::{Protocol, Request, word};

const COM_QUERY: u8 = 3;
/// Length and sequence number.
const FRONT: usize = 4;

/// What a client has sent.
#[derive(Default)]
pub(super) struct MySql {
    buffer: Vec<u8>,
}

impl Protocol for MySql {
    fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// A command begins a sequence; packets of the handshake do not.
    fn next(&mut self) -> Option<Request> {
        let [low, middle, high, sequence] = *self.buffer.first_chunk::<FRONT>()?;
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize + FRONT;
        if self.buffer.len() < length {
            return None;
        }
        let bytes: Vec<u8> = self.buffer.drain(..length).collect();
        let is_query = sequence == 0 && bytes.get(FRONT) == Some(&COM_QUERY);
        let commits = is_query && word::commits(&bytes[FRONT + 1..]);
        Some(Request { bytes, commits })
    }

    /// One packet: that it is done, or an error.
    fn is_answered(&self, reply: &[u8]) -> bool {
        let Some([low, middle, high, _]) = reply.first_chunk::<FRONT>() else { return false };
        reply.len() >= u32::from_le_bytes([*low, *middle, *high, 0]) as usize + FRONT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_however_the_bytes_arrive() {
        let mut mysql = MySql::default();
        let mut found = Vec::new();
        for byte in *b"\x07\0\0\x01\x03COMMIT\x07\0\0\0\x03COMMIT\x01\0\0\0\x0e" {
            mysql.feed(&[byte]);
            found.extend(mysql.next().map(|request| request.commits));
        }
        assert_eq!(found, [false, true, false]);
        assert!(mysql.is_answered(&[1, 0, 0, 1, 0]) && !mysql.is_answered(&[7, 0, 0, 1, 0]));
    }
}
