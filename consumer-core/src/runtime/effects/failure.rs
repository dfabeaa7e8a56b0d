//! The event that says that an effect was given up, for the consumer that its attribute names.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ledger::Ledger;
use crate::{
    effect::{EffectSpec, Ending, Intent, Leased},
    handler::Failed,
    outbox::{Cause, OutboxEvent, Route},
};

/// The event for an ending, if it gives the effect up and somebody wants to know.
pub(super) fn event(
    spec: &EffectSpec,
    leased: &Leased,
    ending: &Ending,
    ledger: &Ledger,
) -> Option<OutboxEvent> {
    let (error, not_done) = match ending {
        Ending::Failed { error } => (error, true),
        Ending::Unknown { error } => (error, false),
        Ending::Done(_) | Ending::Again { .. } | Ending::Returned => return None,
    };
    let queue = ledger.queue_of(spec.on_failure?)?;
    let intent = &leased.intent;
    let failed = failed(intent, error, not_done)?;
    let cause = Cause {
        correlation_id: intent.origin.correlation_id.as_deref(),
        event_id: Some(&intent.origin.id),
        traceparent: intent.origin.traceparent.as_deref(),
        hops: intent.origin.hops,
    };
    match OutboxEvent::new(&failed, Route::queue(queue), cause) {
        Ok(event) => Some(OutboxEvent { id: id(leased), ..event }),
        Err(error) => {
            tracing::error!(effect = spec.name, id = %intent.id, %error, "nobody is told that an effect has failed");
            None
        }
    }
}

fn failed(intent: &Intent, error: &str, not_done: bool) -> Option<Failed<Box<RawValue>>> {
    let payload = std::str::from_utf8(&intent.request).ok()?;
    Some(Failed {
        effect: intent.effect.clone(),
        label: intent.label.clone(),
        effect_id: intent.id.to_string(),
        idempotency_key: intent.key.to_string(),
        event_id: intent.origin.id.clone(),
        not_done,
        error: error.to_owned(),
        payload: RawValue::from_string(payload.to_owned()).ok()?,
    })
}

/// The id of the event: that of this lease. Whatever is written twice has one id, and an effect that a person has released
/// can fail anew.
fn id(leased: &Leased) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"effect-failed");
    hash.update(leased.intent.id.as_uuid().as_bytes());
    hash.update(leased.fence.to_be_bytes());
    let hash = hash.finalize();
    Uuid::new_v8(std::array::from_fn(|i| hash[i]))
}
