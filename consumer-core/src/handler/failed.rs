//! The event that tells a consumer that an effect has failed for good.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    effect::EffectState,
    event::{DecodeError, EncodeError, Event, EventType, decode_json, encode_json},
};

/// An effect that failed for good, or whose outcome nobody knows: what the consumer named by `on_failure` takes.
///
/// It is published in the transaction that gives the effect up, and consumed like any other event: in a transaction of its
/// own, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed<P> {
    /// The name of the effect.
    pub effect: String,
    /// What tells several of one effect apart; empty for the only one.
    pub label: String,
    /// The row of the ledger.
    pub effect_id: String,
    /// The key of every call.
    pub idempotency_key: String,
    /// The id of the event that it was to be run for.
    pub event_id: String,
    /// Whether it was not done for sure; if not, a person has to ask the provider.
    pub not_done: bool,
    /// What the last call said.
    pub error: String,
    /// What it was called with.
    pub payload: P,
}

impl<P: Serialize + DeserializeOwned + Send + 'static> Event for Failed<P> {
    const TYPES: &'static [EventType] = &[EventType { name: "consumer.effect-failed", version: 1 }];
    const KEYED: bool = false;

    fn decode(_: EventType, data: &[u8]) -> Result<Self, DecodeError> {
        decode_json(data)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        encode_json(self)
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }
}

impl<P> Failed<P> {
    /// In which state the ledger has it.
    pub fn state(&self) -> EffectState {
        if self.not_done { EffectState::Failed } else { EffectState::Unknown }
    }
}
