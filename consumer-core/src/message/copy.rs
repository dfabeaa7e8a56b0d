//! Copies: the same message for another queue, dead letters first.

use std::fmt;

use super::Message;

/// Why a message went to the dead-letter queue; the text of its `x-consumer-reason` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// `missing-id`: no road gives the event an id.
    MissingId,
    /// `bad-id`: the id or its source is longer than the limit.
    BadId,
    /// `unknown-type`: a type that the consumer does not handle, or none where it handles several.
    UnknownType,
    /// `unsupported-version`: a version of the schema that the consumer cannot read.
    UnsupportedVersion,
    /// `undecodable`: the envelope or the data is malformed.
    Undecodable,
    /// `oversized`: the body is larger than the consumer's limit.
    Oversized,
    /// `id-reused`: another body was processed under this id.
    IdReused,
    /// `transaction-ended`: the handler ended the runtime's transaction, so part of its work is committed.
    TransactionEnded,
    /// `permanent`: the handler says that it will never succeed.
    Permanent,
    /// `attempts-exhausted`: it failed as often as the consumer allows.
    AttemptsExhausted,
}

impl Reason {
    /// The text used in headers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingId => "missing-id",
            Self::BadId => "bad-id",
            Self::UnknownType => "unknown-type",
            Self::UnsupportedVersion => "unsupported-version",
            Self::Undecodable => "undecodable",
            Self::Oversized => "oversized",
            Self::IdReused => "id-reused",
            Self::TransactionEnded => "transaction-ended",
            Self::Permanent => "permanent",
            Self::AttemptsExhausted => "attempts-exhausted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a dead letter says about itself, beside the message it copies.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// Why it is here.
    pub reason: Reason,
    /// The error in full; cut so that the headers fit a frame.
    pub error: &'a str,
    /// The attempts that were counted.
    pub attempts: u32,
    /// The consumer that gave up.
    pub consumer: &'a str,
    /// The queue it was consumed from.
    pub queue: &'a str,
}

impl DeadLetter<'_> {
    /// The copy for the dead-letter queue.
    pub fn of(&self, message: &Message) -> Message {
        let mut copy = message.clone();
        copy.headers.insert("x-consumer-reason", self.reason.as_str());
        copy
    }
}
