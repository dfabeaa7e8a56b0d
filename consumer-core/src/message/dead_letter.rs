//! The dead letter: a copy of a message that says why nobody processes it.

use std::{fmt, time::Duration};

use super::{ClaimKey, Headers, Message, copy};
use crate::{classify::Class, printable};

/// What this version of the library writes into its dead letters.
const LIBRARY: &str = env!("CARGO_PKG_VERSION");

/// The longest error text in a header: more than a person reads, and far less than a frame.
pub(super) const MAX_ERROR: usize = 16 * 1024;

/// The longest id of an event in a header: enough to find it by, its key is beside it.
const MAX_ID: usize = 1024;

/// The longest list of effects in a header.
const MAX_NAMES: usize = 1024;

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
    /// `effect-failed`: an effect that has to run before the handler has failed for good.
    EffectFailed,
    /// `effect-unknown`: nobody knows whether an effect that has to run before the handler was done.
    EffectUnknown,
    /// `effect-compensated`: an effect that has to run before the handler was done, and undone when an earlier delivery of
    /// the event was dead-lettered.
    EffectCompensated,
    /// `permanent`: the handler says that it will never succeed.
    Permanent,
    /// `attempts-exhausted`: it failed as often as the consumer allows.
    AttemptsExhausted,
    /// `killed-process`: whoever runs it dies.
    KilledProcess,
    /// `hop-limit`: it is the last of a longer chain of events than the consumer allows, which may be a circle.
    HopLimit,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::MissingId,
        Self::BadId,
        Self::UnknownType,
        Self::UnsupportedVersion,
        Self::Undecodable,
        Self::Oversized,
        Self::IdReused,
        Self::TransactionEnded,
        Self::EffectFailed,
        Self::EffectUnknown,
        Self::EffectCompensated,
        Self::Permanent,
        Self::AttemptsExhausted,
        Self::KilledProcess,
        Self::HopLimit,
    ];

    /// The reason of this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

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
            Self::EffectFailed => "effect-failed",
            Self::EffectUnknown => "effect-unknown",
            Self::EffectCompensated => "effect-compensated",
            Self::Permanent => "permanent",
            Self::AttemptsExhausted => "attempts-exhausted",
            Self::KilledProcess => "killed-process",
            Self::HopLimit => "hop-limit",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the effects that ran before the handler have left behind, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Done, and nothing undoes them.
    pub done: Vec<String>,
    /// Done or not.
    pub unknown: Vec<String>,
    /// Done, and what undoes them is scheduled.
    pub compensated: Vec<String>,
}

impl Aftermath {
    fn describe(&self, headers: &mut Headers) {
        let lists = [
            (copy::EFFECTS_DONE, &self.done),
            (copy::EFFECTS_UNKNOWN, &self.unknown),
            (copy::EFFECTS_COMPENSATED, &self.compensated),
        ];
        for (name, effects) in lists {
            headers.remove(name);
            if !effects.is_empty() {
                headers.insert(name, printable::plain(&effects.join(", "), MAX_NAMES));
            }
        }
    }
}

/// What a dead letter says about itself, beside the message it copies.
///
/// It is written into headers: `x-consumer-reason`, `x-consumer-error`, `x-consumer-class`, `x-consumer-key`,
/// `x-consumer-id`, `x-consumer-dead-at`, `x-consumer-attempts`, `x-consumer-name`, `x-consumer-queue` and
/// `x-consumer-version`, that of this library; where effects ran before the handler, their names in
/// `x-consumer-effects-done`, `x-consumer-effects-unknown` and `x-consumer-effects-compensated`. Whatever a publisher
/// wrote there is replaced. [`Letter`](super::Letter) reads all of it back.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// Why it is here.
    pub reason: Reason,
    /// The error in full. The header has it on one line, without control characters, cut to fit.
    pub error: &'a str,
    /// The class of that error, where a class decided.
    pub class: Option<Class>,
    /// The key of its failure record: that of the event, or of the message where nobody could read an event.
    pub key: ClaimKey,
    /// The id of the event for people, where somebody could read it. The header has it cut to fit.
    pub id: Option<&'a str>,
    /// When it was given up, since the Unix epoch.
    pub dead_at: Duration,
    /// The attempts that were counted.
    pub attempts: u32,
    /// The consumer that gave up.
    pub consumer: &'a str,
    /// The queue it was consumed from.
    pub queue: &'a str,
    /// What its effects have left behind.
    pub effects: Aftermath,
}

impl DeadLetter<'_> {
    /// The copy for the dead-letter queue, made as [`Message::copy_from`] says.
    ///
    /// All headers fit one frame of AMQP, in which the broker has to deliver them: a dead letter that cannot be
    /// published would keep its message in the queue for ever.
    pub fn of(&self, message: &Message) -> Message {
        let mut letter = copy::carry_over(message, self.queue);
        self.describe(&mut letter.headers);
        copy::shrink(&mut letter, copy::FRAME_ROOM - copy::MIN_ERROR);
        let room = copy::FRAME_ROOM.saturating_sub(letter.header_frame_len());
        let error =
            printable::plain(self.error, room.clamp(copy::MIN_ERROR, MAX_ERROR) - copy::ERROR.len() - 6);
        letter.headers.insert(copy::ERROR, error);
        letter
    }

    fn describe(&self, headers: &mut Headers) {
        headers.remove(copy::ERROR);
        headers.insert(copy::REASON, self.reason.as_str());
        headers.insert(copy::KEY, self.key.as_uuid().simple().to_string());
        headers.insert(copy::DEAD_AT, i64::try_from(self.dead_at.as_secs()).unwrap_or(i64::MAX));
        headers.insert(copy::ATTEMPTS, i64::from(self.attempts));
        headers.insert(copy::CONSUMER, self.consumer);
        headers.insert(copy::QUEUE, self.queue);
        headers.insert(copy::VERSION, LIBRARY);
        let class = self.class.map(|class| class.as_str().to_owned());
        let id = self.id.map(|id| printable::plain(id, MAX_ID));
        for (name, known) in [(copy::CLASS, class), (copy::ID, id)] {
            headers.remove(name);
            known.map(|text| headers.insert(name, text));
        }
        self.effects.describe(headers);
    }
}
