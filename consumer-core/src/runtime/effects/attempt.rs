//! One attempt at an effect: decide, call under a lease that is kept, conclude, record.

use std::{borrow::BorrowMut, collections::HashMap, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{
    call::{self, Called},
    desk::Desk,
    failure,
    ledger::Ledger,
};
use crate::{
    classify::{Class, walk},
    clock,
    departures::Departures,
    effect::{
        Considered, EXHAUSTED, EffectSpec, Ending, IdempotencyKey, Leased, Next, Recorded, conclude,
        consider, decide,
    },
    error::Chain,
    fault,
    handler::{Context, Meta, RegisteredEffect},
    retry::outage_wait,
    runtime::session::Slot,
    storage::{Storage, StorageError},
    telemetry::{EffectOutcome, EffectRecorded, effect_renewed},
};

/// Renewals of a lease in its time, so that one that is late changes nothing.
const RENEWALS: u32 = 3;
/// How often an ending that the database refuses is offered to it, where waiting cannot help.
const MAX_REFUSALS: u32 = 5;

/// How an attempt has ended.
pub(super) enum Outcome {
    /// As the ledger says now; with the class of the call's failure.
    Recorded(Ending, Class),
    /// Somebody else has started the effect since, or ended it.
    Late,
    /// Nothing is recorded: the runtime is stopping at once, or the ledger takes no ending. The lease runs out.
    Abandoned,
}

/// What every attempt needs.
pub(super) struct Attempt<'a, S: Storage, L> {
    pub(super) ledger: &'a Ledger,
    pub(super) desk: &'a Desk<S, L>,
    pub(super) effect: &'a RegisteredEffect,
    pub(super) leased: &'a Leased,
    /// Cancelled when the grace is over.
    pub(super) abort: &'a CancellationToken,
}

impl<S: Storage, L: BorrowMut<Slot<S>> + Send> Attempt<'_, S, L> {
    /// Makes it, for an event with these earlier results.
    pub(super) async fn make(&self, meta: &Meta, completed: &Arc<HashMap<&'static str, Bytes>>) -> Outcome {
        let started = clock::now();
        let spec = &self.effect.spec;
        let decided = match decide(spec, self.leased) {
            Next::Call => self.call(self.leased, meta, completed).await,
            Next::Resolve => self.resolve(meta, completed).await,
            Next::Exhausted => Some((Ending::Failed { error: EXHAUSTED.to_owned() }, Class::Permanent)),
            Next::Unknown(doubt) => {
                Some((Ending::Unknown { error: doubt.as_str().to_owned() }, Class::Permanent))
            }
        };
        let Some((ending, class)) = decided else { return Outcome::Abandoned };
        let took = started.elapsed();
        fault::kill_point("K12-called");
        self.record(ending, class, took).await
    }

    /// `None` if the runtime stops at once.
    async fn call(
        &self,
        leased: &Leased,
        meta: &Meta,
        completed: &Arc<HashMap<&'static str, Bytes>>,
    ) -> Option<(Ending, Class)> {
        fault::kill_point("K12-started");
        let cx = self.context(meta, completed);
        let effect = self.effect.effect.clone();
        let (storage, spec) = (self.desk.storage().clone(), &self.effect.spec);
        let call = call::call(storage, effect, leased.intent.request.clone(), cx, spec.timeout);
        let Called { reply, class } = self.keep(call).await?;
        Some((conclude(spec, leased, reply, fastrand::f64()), class))
    }

    async fn resolve(
        &self,
        meta: &Meta,
        completed: &Arc<HashMap<&'static str, Bytes>>,
    ) -> Option<(Ending, Class)> {
        let cx = self.context(meta, completed);
        let (effect, spec) = (self.effect.effect.clone(), &self.effect.spec);
        let question = call::ask(effect, self.leased.intent.request.clone(), cx, spec.timeout);
        let finding = self.keep(question).await?;
        match consider(spec, self.leased, finding, fastrand::f64()) {
            Considered::Call => {
                let certain = Leased { uncertain: false, ..self.leased.clone() };
                self.call(&certain, meta, completed).await
            }
            Considered::End(ending) => Some((ending, Class::Transient)),
        }
    }

    fn context(&self, meta: &Meta, completed: &Arc<HashMap<&'static str, Bytes>>) -> Context {
        let Leased { intent, attempts, .. } = self.leased;
        let meta = meta.with_attempt(attempts.saturating_add(1));
        Context::new(meta, self.ledger.states(), completed.clone())
            .of_call(key(self.leased), intent.request.clone())
    }

    /// Waits for user code, with the lease renewed meanwhile; `None` if the runtime stops at once.
    async fn keep<T>(&self, code: impl Future<Output = T>) -> Option<T> {
        let mut code = pin!(code);
        let mut ours = true;
        loop {
            tokio::select! {
                biased;
                said = &mut code => return Some(said),
                () = self.abort.cancelled() => return None,
                () = clock::sleep(self.ledger.config().lease / RENEWALS), if ours => {}
            }
            // A statement is never dropped half-way, so that the code is waited for beside it.
            let (mut renewal, mut said) = (pin!(self.renew()), None);
            ours = loop {
                tokio::select! {
                    ours = &mut renewal => break ours,
                    answer = &mut code, if said.is_none() => said = Some(answer),
                }
            };
            if said.is_some() {
                return said;
            }
        }
    }

    /// Renews the lease; whether it may still be ours.
    async fn renew(&self) -> bool {
        let (effect, id) = (self.effect.spec.name, self.leased.intent.id);
        match self.desk.renew(self.leased, self.ledger.config().lease).await {
            Ok(true) => effect_renewed(effect),
            Ok(false) => {
                tracing::warn!(
                    effect,
                    %id,
                    "the lease of a call that still runs is somebody else's by now; its outcome will be kept as evidence"
                );
                return false;
            }
            Err(error) => {
                tracing::warn!(effect, %id, error = %Chain(error.as_ref()), "cannot renew a lease; trying again");
            }
        }
        true
    }

    /// Writes an ending until the ledger has it: what a call has said is worth more than any wait.
    async fn record(&self, mut ending: Ending, class: Class, took: Duration) -> Outcome {
        let mut departures = self.departures(&ending);
        let (mut failures, mut refusals) = (0, 0);
        loop {
            match self.desk.finish(self.leased, &ending, &departures).await {
                Ok(recorded) => return self.recorded(recorded, ending, class, took, &departures),
                Err(error) => {
                    refusals += u32::from(!self.passes(&error));
                    let Some((last, sent)) = last_resort(refusals, &error, ending, departures) else {
                        return Outcome::Abandoned;
                    };
                    (ending, departures) = (last, sent);
                    if !self.wait(failures, &error).await {
                        return Outcome::Abandoned;
                    }
                    failures += 1;
                }
            }
        }
    }

    /// Whether an error of the ledger goes away by itself.
    fn passes(&self, error: &StorageError) -> bool {
        let error: &(dyn std::error::Error + 'static) = error.as_ref();
        let class = walk(error, |link| self.desk.storage().classify(link)).unwrap_or(Class::ServerAway);
        matches!(class, Class::Conflict | Class::ServerAway | Class::OutOfSpace | Class::DeployWrong)
    }

    async fn wait(&self, failures: u32, error: &StorageError) -> bool {
        let (effect, error) = (self.effect.spec.name, Chain(error.as_ref()).to_string());
        tracing::warn!(effect, id = %self.leased.intent.id, error, "cannot record the outcome of a call; trying again");
        tokio::select! {
            () = clock::sleep(outage_wait(failures, fastrand::f64())) => true,
            () = self.abort.cancelled() => false,
        }
    }

    fn departures(&self, ending: &Ending) -> Departures {
        let event = failure::event(&self.effect.spec, self.leased, ending, self.ledger);
        Departures { events: event.into_iter().collect(), intents: Vec::new() }
    }

    fn recorded(
        &self,
        recorded: Recorded,
        ending: Ending,
        class: Class,
        took: Duration,
        departures: &Departures,
    ) -> Outcome {
        let late = recorded == Recorded::TooLate;
        report(&self.effect.spec, self.leased, &ending, late, took);
        if late {
            return Outcome::Late;
        }
        self.ledger.departed(departures);
        Outcome::Recorded(ending, class)
    }
}

/// The key of a call: that of the row, at every attempt.
fn key(leased: &Leased) -> IdempotencyKey {
    let key = &leased.intent.key;
    if fault::is_mutant("key-with-attempt") {
        return IdempotencyKey::for_test(&format!("{key}-{}", leased.attempts));
    }
    key.clone()
}

/// What to write instead of an ending that the database refuses: at least that something is to be looked at. `None` if it
/// refuses that too.
fn last_resort(
    refusals: u32,
    error: &StorageError,
    ending: Ending,
    departures: Departures,
) -> Option<(Ending, Departures)> {
    match refusals {
        0..MAX_REFUSALS => Some((ending, departures)),
        MAX_REFUSALS => {
            let error =
                format!("the database does not take what the call has said: {}", Chain(error.as_ref()));
            tracing::error!(error, "the outcome of a call cannot be recorded as it is");
            Some((Ending::Unknown { error }, Departures::default()))
        }
        _ => None,
    }
}

fn report(spec: &EffectSpec, leased: &Leased, ending: &Ending, late: bool, took: Duration) {
    let (outcome, error) = match ending {
        Ending::Done(_) => (EffectOutcome::Done, ""),
        Ending::Again { error, .. } => (EffectOutcome::Retried, error.as_str()),
        Ending::Failed { error } => (EffectOutcome::Failed, error.as_str()),
        Ending::Unknown { error } => (EffectOutcome::Unknown, error.as_str()),
        Ending::Returned => return,
    };
    let outcome = if late { EffectOutcome::Late } else { outcome };
    let attempt = leased.attempts.saturating_add(1);
    EffectRecorded { effect: spec.name, intent: &leased.intent, attempt, outcome, error, took }.report();
}
