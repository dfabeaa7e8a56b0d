//! The registered effects, and how what a handler schedules becomes a row of the ledger.

use std::{
    any::Any,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::Notify;

use super::EffectsConfig;
use crate::{
    departures::Departures,
    effect::{EffectId, IdempotencyKey, Intent, KeyParts, KeyScheme, Moment},
    handler::{Buffer, Context, HandlerError, Meta, RegisteredEffect, Scheduled, States, panic_text},
    inbox::{Claim, ConsumerId},
    message::ClaimKey,
    runtime::relay::Bell,
};

/// What all consumers and the runner share about effects.
pub(in crate::runtime) struct Ledger {
    effects: HashMap<&'static str, RegisteredEffect>,
    keys: Arc<dyn KeyScheme>,
    states: Arc<States>,
    /// The queues of the consumers.
    queues: HashMap<&'static str, String>,
    config: EffectsConfig,
    woken: Notify,
    /// Rung when events were committed.
    outbox: Bell,
}

/// An effect of one event, before it gets its id and its key.
pub(super) struct Wanted<'a> {
    pub(super) effect: &'a str,
    pub(super) label: &'a str,
    pub(super) moment: Moment,
    pub(super) request: Vec<u8>,
}

impl Ledger {
    pub(in crate::runtime) fn new(
        effects: Vec<RegisteredEffect>,
        keys: Arc<dyn KeyScheme>,
        states: Arc<States>,
        queues: HashMap<&'static str, String>,
        config: EffectsConfig,
        outbox: Bell,
    ) -> Self {
        let effects = effects.into_iter().map(|effect| (effect.spec.name, effect)).collect();
        Self { effects, keys, states, queues, config, woken: Notify::new(), outbox }
    }

    /// Whether there is no effect to run.
    pub(in crate::runtime) fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    pub(super) fn config(&self) -> &EffectsConfig {
        &self.config
    }

    pub(super) fn states(&self) -> Arc<States> {
        self.states.clone()
    }

    /// The queue of a consumer.
    pub(super) fn queue_of(&self, consumer: &str) -> Option<&str> {
        self.queues.get(consumer).map(String::as_str)
    }

    /// Says that these were committed: nobody need wait for the next look.
    pub(in crate::runtime) fn departed(&self, departures: &Departures) {
        self.outbox.ring_for(departures);
        if !departures.intents.is_empty() {
            self.woken.notify_one();
        }
    }

    /// Waits until effects were committed.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    pub(in crate::runtime) fn get(&self, name: &str) -> Option<&RegisteredEffect> {
        self.effects.get(name)
    }

    /// The names of all effects.
    pub(in crate::runtime) fn names(&self) -> Vec<&'static str> {
        self.effects.keys().copied().collect()
    }

    /// The mistake that the mutant `effect-inside-transaction` makes.
    pub(in crate::runtime) async fn call_at_once(&self, cx: &Context, departures: &Departures) {
        for intent in &departures.intents {
            let Some(registered) = self.get(&intent.effect) else { continue };
            let call = Context::new(cx.meta().clone(), self.states(), Arc::default())
                .of_call(intent.key.clone(), intent.request.clone());
            let _ = registered.effect.call(&intent.request, &call).await;
        }
    }

    /// What a handler has sent, as rows.
    ///
    /// # Errors
    /// What cannot be sent fails the delivery, which then does not commit.
    pub(in crate::runtime) fn departures(
        &self,
        cx: &Context,
        claim: &Claim,
    ) -> Result<Departures, HandlerError> {
        self.departures_of(cx, 0, claim)
    }

    /// What a handler has sent for one event of a batch.
    ///
    /// # Errors
    /// As [`departures`](Self::departures).
    pub(in crate::runtime) fn departures_of(
        &self,
        cx: &Context,
        place: usize,
        claim: &Claim,
    ) -> Result<Departures, HandlerError> {
        let Buffer { events, scheduled, flaw, .. } = cx.sending_of(place).take();
        if let Some(flaw) = flaw {
            return Err(HandlerError::permanent(flaw));
        }
        if let Some(twice) =
            scheduled.iter().find(|one| one.label.is_empty() && cx.completed(one.effect).is_some())
        {
            return Err(HandlerError::permanent(format!(
                "effect `{}` ran before this handler, and was scheduled by it without a label: its provider would take both for \
                 one; give the second a label with `schedule_labelled`",
                twice.effect
            )));
        }
        let intents = self.intents(cx.meta_of(place), (claim.consumer, claim.key), scheduled)?;
        Ok(Departures { events, intents })
    }

    /// The rows of effects that were scheduled.
    pub(super) fn intents(
        &self,
        meta: &Meta,
        event: (ConsumerId, ClaimKey),
        scheduled: Vec<Scheduled>,
    ) -> Result<Vec<Intent>, HandlerError> {
        let row = |Scheduled { effect, label, request }| {
            if self.get(effect).is_none() {
                return Err(HandlerError::deploy_wrong(format!(
                    "effect `{effect}` was scheduled, but it is not registered with the app: `.register::<…>()` it, or nobody \
                     runs it"
                )));
            }
            let wanted = Wanted { effect, label: &label, moment: Moment::After, request };
            self.intent(meta, event, wanted).map_err(|error| HandlerError::permanent(error.to_string()))
        };
        scheduled.into_iter().map(row).collect()
    }

    /// The key, from the user's code.
    fn key(&self, parts: &KeyParts<'_>) -> Result<IdempotencyKey, crate::Error> {
        let asked = catch_unwind(AssertUnwindSafe(|| self.keys.key(parts)));
        let panicked = |panic: Box<dyn Any + Send>| {
            crate::Error::settings(format!("the key scheme panicked: {}", panic_text(&*panic)))
        };
        IdempotencyKey::new(asked.map_err(panicked)?)
    }

    /// The row for an effect of the event at hand.
    ///
    /// # Errors
    /// The key scheme gives no key, or panics.
    pub(super) fn intent(
        &self,
        meta: &Meta,
        (consumer, event): (ConsumerId, ClaimKey),
        wanted: Wanted<'_>,
    ) -> Result<Intent, crate::Error> {
        let Wanted { effect, label, moment, request } = wanted;
        let parts = KeyParts {
            consumer: meta.consumer(),
            event,
            source: meta.source(),
            id: meta.id(),
            effect,
            label,
        };
        Ok(Intent {
            id: EffectId::of(consumer, event, effect, label),
            consumer,
            event,
            effect: effect.to_owned(),
            label: label.to_owned(),
            moment,
            key: self.key(&parts)?,
            request: request.into(),
            origin: meta.origin(),
        })
    }
}
