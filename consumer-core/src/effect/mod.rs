//! External effects: what no transaction covers, called with a key that never changes and recorded in a ledger.

mod decision;
mod ending;
mod error;
mod intent;
mod key;
mod outcome;
mod record;
mod row;
mod spec;

pub use self::{
    decision::{
        CallFailure, Considered, Doubt, EXHAUSTED, Finding, LONGEST_ASKED, LONGEST_BEFORE, Next, Reply,
        conclude, consider, decide,
    },
    ending::{Ending, Recorded},
    error::{Effected, ProviderError},
    intent::{EffectId, Intent, Moment, Origin},
    key::{IdempotencyKey, KeyParts, KeyScheme, Standard},
    outcome::{LONGEST, MAX_ERROR, MAX_EVIDENCE, Outcome, RELEASED, RESOLVED, error_text},
    record::{ByHand, EffectCounts, EffectFilter, EffectRecord, EffectState, Leased, Right},
    row::{Asked, EffectRow},
    spec::EffectSpec,
};
