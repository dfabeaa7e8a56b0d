//! Before the transaction: the effects whose results it needs, one after the other.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{Attempt, Outcome},
    desk::Desk,
    ledger::Wanted,
};
use crate::{
    classify::Class,
    effect::{EffectId, EffectState, Ending, Intent, Leased, Moment, Right},
    handler::{Decoded, Meta, RegisteredEffect, ToComplete, panic_text},
    inbox::{Claim, StoredClaim},
    message::{Reason, Rejection},
    runtime::{consumer::Consumer, session::Slot, unit::Failure},
    storage::{Storage, StorageError},
    telemetry::effect_replayed,
};

/// A longer wait for an effect is none that a delivery is held for.
const LONGEST_SOON: Duration = Duration::from_secs(60);
/// How long a delivery steps back at most while another one calls its effect: nobody tells it when that has ended.
const LONGEST_STEP_BACK: Duration = Duration::from_secs(1);

/// The results of the effects that ran before, by name.
type Completed = Arc<HashMap<&'static str, Bytes>>;

/// Why the transaction does not begin.
pub(in crate::runtime) enum Stop {
    /// The event was processed before.
    Taken(StoredClaim),
    /// Another delivery calls one of the effects, or its time has not come: again after this wait.
    Busy(Duration, String),
    /// A failed call, or no ledger to ask.
    Failed(Failure),
    /// No later delivery can do better by itself.
    Rejected(Rejection),
    /// The runtime is stopping at once.
    Abandoned,
}

/// Completes the effects of one event.
pub(in crate::runtime) struct Completing<'a, S: Storage> {
    pub(in crate::runtime) consumer: &'a Consumer<S>,
    pub(in crate::runtime) meta: &'a Meta,
    pub(in crate::runtime) claim: &'a Claim,
    pub(in crate::runtime) abort: &'a CancellationToken,
}

/// Keeps what was completed from being undone until the unit has ended; `false` if something was.
pub(in crate::runtime) async fn keep<S: Storage>(
    consumer: &Consumer<S>,
    claim: &Claim,
    tx: &mut S::Tx<'_>,
) -> Result<bool, StorageError> {
    let id = |wanted: &ToComplete| EffectId::of(claim.consumer, claim.key, wanted.effect, "");
    match &consumer.completes[..] {
        [] => Ok(true),
        completes => {
            let effects: Vec<EffectId> = completes.iter().map(id).collect();
            consumer.storage.keep_effects(tx, &effects).await
        }
    }
}

/// What the effects of one event are called with, in order; or why it is unknown.
type Requests = Vec<(&'static str, Result<Vec<u8>, Stop>)>;

/// Makes them. The event itself is not there while they are called: it need not be shared between threads.
pub(in crate::runtime) fn requests<S: Storage>(consumer: &Consumer<S>, event: &Decoded) -> Requests {
    consumer.completes.iter().map(|wanted| (wanted.effect, request(wanted, event))).collect()
}

/// The payload, which the user's `From` makes.
fn request(wanted: &ToComplete, event: &Decoded) -> Result<Vec<u8>, Stop> {
    let name = wanted.effect;
    let made = catch_unwind(AssertUnwindSafe(|| (wanted.payload)(event.event())));
    match made {
        Ok(Some(Ok(request))) => Ok(request),
        Ok(Some(Err(error))) => {
            Err(permanent(format!("the payload of effect `{name}` cannot be serialised: {error}")))
        }
        Ok(None) => Err(permanent(format!("effect `{name}` belongs to an event of another type"))),
        Err(panic) => {
            let error = format!("making the payload of effect `{name}` panicked: {}", panic_text(&*panic));
            Err(Stop::Failed(Failure::new(Class::Transient, error)))
        }
    }
}

impl<'a, S: Storage> Completing<'a, S> {
    /// Their results; a duplicate calls nothing.
    pub(in crate::runtime) async fn run(
        &self,
        requests: Requests,
        slot: &mut Slot<S>,
    ) -> Result<Completed, Stop> {
        let mut completed = Completed::default();
        if requests.is_empty() {
            return Ok(completed);
        }
        let desk = Desk::new(self.consumer.storage.clone(), slot);
        if let Some(stored) = desk.find(self.claim).await.map_err(|error| self.no_ledger(&error))? {
            return Err(Stop::Taken(stored));
        }
        for (name, request) in requests {
            let result = self.complete(&desk, name, request?, &completed).await?;
            Arc::make_mut(&mut completed).insert(name, result);
        }
        Ok(completed)
    }

    async fn complete(
        &self,
        desk: &Desk<S, &mut Slot<S>>,
        name: &'static str,
        request: Vec<u8>,
        completed: &Completed,
    ) -> Result<Bytes, Stop> {
        let (effect, intent) = self.intent(name, request)?;
        let lease = self.consumer.effects.config().lease;
        loop {
            let right = desk.start(&intent, lease).await.map_err(|error| self.no_ledger(&error))?;
            let leased = match right {
                Right::Ours(leased) => leased,
                Right::Done(result) => {
                    effect_replayed(name);
                    return Ok(result);
                }
                Right::Busy(left) => return Err(busy(name, left)),
                Right::Closed(state, error) => return Err(closed(name, state, &error)),
                Right::Compensated => return Err(compensated(name)),
                Right::IdReused => return Err(id_reused(name)),
            };
            // What came too late is not what the ledger says: ask it again.
            if let Some(result) = self.attempt(desk, effect, &leased, completed).await? {
                return Ok(result);
            }
        }
    }

    fn intent(&self, name: &'static str, request: Vec<u8>) -> Result<(&'a RegisteredEffect, Intent), Stop> {
        let ledger = &self.consumer.effects;
        let effect = ledger.get(name).ok_or_else(|| {
            let error = format!("effect `{name}` is not registered with the app: `.register::<…>()` it");
            Stop::Failed(Failure::new(Class::DeployWrong, error))
        })?;
        let wanted = Wanted { effect: name, label: "", moment: Moment::Before, request };
        let intent = ledger.intent(self.meta, (self.claim.consumer, self.claim.key), wanted);
        let mut intent = intent.map_err(|error| permanent(error.to_string()))?;
        intent.origin = intent.origin.seen_as(self.claim.fingerprint);
        Ok((effect, intent))
    }

    /// One call; `None` if somebody else has ended the effect meanwhile.
    async fn attempt(
        &self,
        desk: &Desk<S, &mut Slot<S>>,
        effect: &RegisteredEffect,
        leased: &Leased,
        completed: &Completed,
    ) -> Result<Option<Bytes>, Stop> {
        let ledger = &self.consumer.effects;
        let attempt = Attempt { ledger, desk, effect, leased, abort: self.abort };
        let name = effect.spec.name;
        match attempt.make(self.meta, completed).await {
            Outcome::Recorded(Ending::Done(result), _) => Ok(Some(result)),
            Outcome::Recorded(Ending::Again { wait, error, .. }, class) => {
                Err(Stop::Failed(failed(name, class, wait, &error)))
            }
            Outcome::Recorded(Ending::Failed { error }, _) => Err(closed(name, EffectState::Failed, &error)),
            Outcome::Recorded(Ending::Unknown { error }, _) => {
                Err(closed(name, EffectState::Unknown, &error))
            }
            Outcome::Recorded(Ending::Returned, _) | Outcome::Late => Ok(None),
            Outcome::Abandoned if self.abort.is_cancelled() => Err(Stop::Abandoned),
            Outcome::Abandoned => {
                let error = format!("the outcome of effect `{name}` could not be recorded");
                Err(Stop::Failed(Failure::new(Class::Transient, error)))
            }
        }
    }

    /// As if the transaction could not begin: the event has no part in it.
    fn no_ledger(&self, error: &StorageError) -> Stop {
        let doing = "cannot ask the effect ledger";
        let failure = Failure::of_storage(&self.consumer.storage, doing, error, Class::ServerAway);
        Stop::Failed(Failure { touched: false, ..failure })
    }
}

/// A failed call is a failed attempt of its event. Where the effect is due soon, the event comes back as its own policy says
/// and steps back until then; a longer wait is asked for, so that its delivery is not held meanwhile.
fn failed(effect: &str, class: Class, wait: Duration, error: &str) -> Failure {
    let class = if class == Class::Permanent { Class::Transient } else { class };
    let failure = Failure::new(class, format!("effect `{effect}` failed: {error}"));
    Failure { retry_after: (wait > LONGEST_SOON).then_some(wait), ..failure }
}

fn permanent(error: String) -> Stop {
    Stop::Rejected(Rejection::new(Reason::Permanent, error))
}

fn busy(effect: &str, left: Duration) -> Stop {
    let after = left.min(LONGEST_STEP_BACK).mul_f64(0.5 + fastrand::f64() / 2.0);
    let why =
        format!("effect `{effect}` is being called for another delivery of this event, or is not due yet");
    Stop::Busy(after.max(Duration::from_millis(5)), why)
}

fn closed(effect: &str, state: EffectState, error: &str) -> Stop {
    let rejection = match state {
        EffectState::Unknown => Rejection::new(
            Reason::EffectUnknown,
            format!(
                "nobody knows whether effect `{effect}` was done; resolve it, then redrive this letter: {error}"
            ),
        ),
        _ => Rejection::new(Reason::EffectFailed, format!("effect `{effect}` has failed for good: {error}")),
    };
    Stop::Rejected(rejection)
}

/// The claim would say so, but there is none yet.
fn id_reused(effect: &str) -> Stop {
    let detail = format!(
        "effect `{effect}` was called for another body under this id; publish it again with an id of its own"
    );
    Stop::Rejected(Rejection::new(Reason::IdReused, detail))
}

fn compensated(effect: &str) -> Stop {
    let detail = format!(
        "effect `{effect}` was done for this event and is undone; publish a new event to have it done again"
    );
    Stop::Rejected(Rejection::new(Reason::EffectCompensated, detail))
}
