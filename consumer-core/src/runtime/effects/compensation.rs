//! What becomes of effects that were done for an event that is dead-lettered.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::desk::Desk;
use crate::{
    departures::Departures,
    effect::{EffectRecord, EffectState},
    handler::{Buffer, HandlerError, Meta, RegisteredEffect, Scheduled, Sending, panic_text},
    inbox::{Claim, StoredClaim},
    message::{Aftermath, Reason},
    runtime::{consumer::Consumer, session::Slot},
    storage::{Storage, StorageError},
    telemetry::effect_compensated,
};

/// What is known of an event before its dead letter.
pub(in crate::runtime) enum Buried {
    /// Nobody has processed it, and this is what its effects have left behind.
    Unprocessed(Aftermath),
    /// Another delivery of it was processed meanwhile: it needs no dead letter.
    Processed(StoredClaim),
}

/// Has the effects undone that an event leaves behind, where they say how. A second time changes nothing.
///
/// An id that was used twice leaves the effects of the event that was processed under it alone, and so does a transaction
/// of which part is committed.
pub(in crate::runtime) async fn settle<S: Storage>(
    consumer: &Consumer<S>,
    slot: &mut Slot<S>,
    (meta, claim): (&Meta, &Claim),
    reason: Reason,
) -> Result<Buried, StorageError> {
    if consumer.completes.is_empty() || reason == Reason::IdReused {
        return Ok(Buried::Unprocessed(Aftermath::default()));
    }
    let desk = Desk::new(consumer.storage.clone(), slot);
    let undo = reason != Reason::TransactionEnded;
    if undo && let Some(stored) = desk.find(claim).await? {
        return Ok(Buried::Processed(stored));
    }
    let mut aftermath = Aftermath::default();
    for row in desk.effects_of(claim).await? {
        let name = row.intent.effect.clone();
        match row.state {
            _ if row.compensated => aftermath.compensated.push(name),
            EffectState::Done if undo => match compensate(consumer, &desk, (meta, claim), &row).await? {
                Undoing::Done => aftermath.compensated.push(name),
                Undoing::Nothing => aftermath.done.push(name),
                Undoing::Used(stored) => return Ok(Buried::Processed(stored)),
            },
            EffectState::Done => aftermath.done.push(name),
            EffectState::Unknown | EffectState::Started => aftermath.unknown.push(name),
            EffectState::Planned if row.uncertain => aftermath.unknown.push(name),
            EffectState::Planned | EffectState::Failed => {}
        }
    }
    Ok(Buried::Unprocessed(aftermath))
}

/// What became of an effect that is to be undone.
enum Undoing {
    /// It is marked as undone, and what undoes it is scheduled.
    Done,
    /// Nothing undoes it.
    Nothing,
    /// Another delivery has used it: the event is processed.
    Used(StoredClaim),
}

/// Schedules what undoes an effect, and marks it as undone, at once. A delivery that has its result in its hands is waited
/// for.
async fn compensate<S: Storage>(
    consumer: &Consumer<S>,
    desk: &Desk<S, &mut Slot<S>>,
    (meta, claim): (&Meta, &Claim),
    row: &EffectRecord,
) -> Result<Undoing, StorageError> {
    let ledger = &consumer.effects;
    let Some(effect) = ledger.get(&row.intent.effect).filter(|effect| effect.spec.compensates) else {
        return Ok(Undoing::Nothing);
    };
    let undoing = scheduled(effect, meta, row);
    let intents = undoing.and_then(|undoing| ledger.intents(meta, (claim.consumer, claim.key), undoing));
    let departures = match intents {
        Ok(intents) => Departures { events: Vec::new(), intents },
        Err(error) => {
            tracing::error!(effect = effect.spec.name, id = %row.intent.id, %error, "an effect cannot be undone");
            return Ok(Undoing::Nothing);
        }
    };
    if desk.compensate(row.intent.id, &departures).await? {
        effect_compensated(effect.spec.name);
        ledger.departed(&departures);
        return Ok(Undoing::Done);
    }
    Ok(desk.find(claim).await?.map_or(Undoing::Done, Undoing::Used))
}

/// What the effect schedules to be undone, which runs the user's code.
fn scheduled(
    effect: &RegisteredEffect,
    meta: &Meta,
    row: &EffectRecord,
) -> Result<Vec<Scheduled>, HandlerError> {
    let sending = Sending::caused_by(meta);
    let result = row.result.as_deref().unwrap_or_default();
    let asked = catch_unwind(AssertUnwindSafe(|| {
        effect.effect.compensate(&row.intent.request, result, sending.effects())
    }));
    asked.unwrap_or_else(|panic| {
        Err(HandlerError::permanent(format!("it panicked: {}", panic_text(&*panic))))
    })?;
    let Buffer { scheduled, flaw, .. } = sending.take();
    match flaw {
        Some(flaw) => Err(HandlerError::permanent(flaw)),
        None => Ok(scheduled.into_iter().map(|one| labelled(one, &row.intent.effect)).collect()),
    }
}

/// One effect may undo several: the label says which.
fn labelled(scheduled: Scheduled, undone: &str) -> Scheduled {
    let label = match scheduled.label.as_str() {
        "" => undone.to_owned(),
        own => format!("{undone}/{own}"),
    };
    Scheduled { label, ..scheduled }
}
