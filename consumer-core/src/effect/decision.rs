//! What to do about an effect that may be called: plain rules over its row.

use super::{EffectSpec, Leased};

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

/// Decides about an effect.
pub fn decide(spec: &EffectSpec, leased: &Leased) -> Next {
    let expired = leased.since_first.is_some_and(|since| since >= spec.key_lifetime);
    let exhausted = leased.attempts >= spec.attempts;
    match leased.uncertain {
        false if exhausted => Next::Exhausted,
        false => Next::Call,
        true if spec.keyed && !expired && !exhausted => Next::Call,
        true if spec.resolves => Next::Resolve,
        true if !spec.keyed => Next::Unknown(Doubt::Unkeyed),
        true if expired => Next::Unknown(Doubt::KeyExpired),
        true => Next::Unknown(Doubt::Exhausted),
    }
}
