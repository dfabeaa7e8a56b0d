//! What to do about an effect before and after a call: plain rules over its row.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use super::{EffectSpec, Effected, Ending, Leased, Moment};

/// The longest wait that a provider may ask for: a day, after which most of them have forgotten the key.
pub const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest wait of an effect whose event is waiting for it, unsettled: half of what a delivery may wait in all, so that
/// the broker does not take it back meanwhile.
pub const LONGEST_BEFORE: Duration = Duration::from_secs(10 * 60);

/// What comes next for an effect whose lease is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Call it, with its key and its bytes.
    Call,
    /// An earlier call may have worked: ask the provider before anything else.
    Resolve,
    /// An earlier call may have worked, nobody can tell, and another one might do it twice: a person has to look.
    Unknown(Doubt),
    /// It was called as often as it may be.
    Exhausted,
}

/// Why an effect is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The provider knows no keys.
    Unkeyed,
    /// The provider has forgotten the key by now.
    KeyExpired,
    /// It was called as often as it may be.
    Exhausted,
}

impl Doubt {
    /// What it means, and what to do.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unkeyed => {
                "an earlier call may have worked, and the provider honours no keys: ask it, then resolve the effect by hand"
            }
            Self::KeyExpired => {
                "an earlier call may have worked, and the provider has forgotten the key by now: ask it, then resolve the \
                 effect by hand"
            }
            Self::Exhausted => {
                "it was called as often as it may be, and one of the calls may have worked: ask the provider, then resolve \
                 the effect by hand"
            }
        }
    }
}

/// What a call has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done, with its result as JSON.
    Done(Bytes),
    /// An error, a panic, or nothing in time.
    Failed(CallFailure),
}

/// What is known of a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// Whether the same call will never succeed.
    pub permanent: bool,
    /// What it has done.
    pub effected: Effected,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// What it said.
    pub error: String,
}

/// What a provider knows about the calls before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// One of them worked, with this result as JSON.
    Done(Bytes),
    /// None of them has done anything, nor will.
    NotDone,
    /// It cannot tell, or could not be asked.
    Unclear(String),
}

/// What comes after the provider was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// Call it now: the calls before are as if they had never been made.
    Call,
    /// Write this.
    End(Ending),
}

/// Decides about an effect whose lease is ours, before anything is called.
pub fn decide(spec: &EffectSpec, leased: &Leased) -> Next {
    next(spec, leased.attempts, leased.uncertain, leased.since_first)
}

fn next(spec: &EffectSpec, attempts: u32, uncertain: bool, since_first: Option<Duration>) -> Next {
    let expired = since_first.is_some_and(|since| since >= spec.key_lifetime);
    let exhausted = attempts >= spec.attempts;
    match uncertain {
        false if exhausted => Next::Exhausted,
        false => Next::Call,
        true if spec.keyed && !expired && !exhausted => Next::Call,
        true if spec.resolves => Next::Resolve,
        true if !spec.keyed => Next::Unknown(Doubt::Unkeyed),
        true if expired => Next::Unknown(Doubt::KeyExpired),
        true => Next::Unknown(Doubt::Exhausted),
    }
}

/// Decides about an effect after a call. `jitter` is between 0 and 1.
pub fn conclude(spec: &EffectSpec, leased: &Leased, reply: Reply, jitter: f64) -> Ending {
    let failure = match reply {
        Reply::Done(result) => return Ending::Done(result),
        Reply::Failed(failure) => failure,
    };
    let CallFailure { permanent, effected, retry_after, error } = failure;
    let uncertain = match effected {
        Effected::Unknown => true,
        Effected::Nothing => leased.uncertain,
        Effected::Never => leased.uncertain && !spec.keyed,
    };
    if permanent && effected != Effected::Unknown {
        return match uncertain {
            true => Ending::Unknown {
                error: format!("it is refused, but an earlier call may have worked: {error}"),
            },
            false => Ending::Failed { error },
        };
    }
    let attempts = leased.attempts.saturating_add(1);
    let since_first = leased.since_first.or(Some(Duration::ZERO));
    match next(spec, attempts, uncertain, since_first) {
        Next::Call | Next::Resolve => {
            let wait = wait(spec, leased.intent.moment, attempts, retry_after, jitter);
            Ending::Again { wait, error, uncertain }
        }
        Next::Exhausted => Ending::Failed { error },
        Next::Unknown(doubt) => Ending::Unknown { error: format!("{}: {error}", doubt.as_str()) },
    }
}

/// Decides about an effect after its provider was asked. `jitter` is between 0 and 1.
pub fn consider(spec: &EffectSpec, leased: &Leased, finding: Finding, jitter: f64) -> Considered {
    let attempts = leased.attempts.saturating_add(1);
    match finding {
        Finding::Done(result) => Considered::End(Ending::Done(result)),
        Finding::NotDone if leased.attempts < spec.attempts => Considered::Call,
        Finding::NotDone => Considered::End(Ending::Failed { error: EXHAUSTED.to_owned() }),
        Finding::Unclear(error) if attempts < spec.attempts => {
            let wait = wait(spec, leased.intent.moment, attempts, None, jitter);
            Considered::End(Ending::Again { wait, error, uncertain: true })
        }
        Finding::Unclear(error) => {
            Considered::End(Ending::Unknown { error: format!("{}: {error}", Doubt::Exhausted.as_str()) })
        }
    }
}

/// What is said of an effect that was called as often as it may be, and is known not to be done.
pub const EXHAUSTED: &str = "it was called as often as it may be, and none of the calls has done anything";

fn wait(spec: &EffectSpec, moment: Moment, attempts: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    let longest = match moment {
        Moment::Before => LONGEST_BEFORE,
        Moment::After => LONGEST_ASKED,
    };
    let spread = |wait: Duration| wait.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    asked.unwrap_or_else(|| spread(spec.wait(attempts))).min(longest)
}
