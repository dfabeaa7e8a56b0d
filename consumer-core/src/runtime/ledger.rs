//! The registered effects, and how what a handler schedules becomes a row of the ledger.

use std::{collections::HashMap, sync::Arc};

use crate::{
    departures::Departures,
    effect::{EffectId, IdempotencyKey, Intent, KeyParts, KeyScheme, Moment},
    handler::{Buffer, Context, HandlerError, Meta, RegisteredEffect, Scheduled},
    inbox::Claim,
};

/// What all consumers and the runner share about effects.
pub(super) struct Ledger {
    effects: HashMap<&'static str, RegisteredEffect>,
    keys: Arc<dyn KeyScheme>,
}

/// An effect of one event, before it gets its id and its key.
pub(super) struct Wanted<'a> {
    pub(super) effect: &'a str,
    pub(super) label: &'a str,
    pub(super) moment: Moment,
    pub(super) request: Vec<u8>,
}

impl Ledger {
    pub(super) fn new(effects: Vec<RegisteredEffect>, keys: Arc<dyn KeyScheme>) -> Self {
        Self { effects: effects.into_iter().map(|effect| (effect.spec.name, effect)).collect(), keys }
    }

    pub(super) fn get(&self, name: &str) -> Option<&RegisteredEffect> {
        self.effects.get(name)
    }

    /// The names of all effects.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.effects.keys().copied().collect()
    }

    /// What a handler has sent, as rows.
    ///
    /// # Errors
    /// What cannot be sent fails the delivery, which then does not commit.
    pub(super) fn departures(&self, cx: &Context, claim: &Claim) -> Result<Departures, HandlerError> {
        let Buffer { events, scheduled, flaw, .. } = cx.sending().take();
        if let Some(flaw) = flaw {
            return Err(HandlerError::permanent(flaw));
        }
        let mut intents = Vec::with_capacity(scheduled.len());
        for Scheduled { effect, label, request } in scheduled {
            if self.get(effect).is_none() {
                return Err(HandlerError::deploy_wrong(format!(
                    "effect `{effect}` was scheduled, but it is not registered with the app: `.register::<…>()` it, or nobody \
                     runs it"
                )));
            }
            let wanted = Wanted { effect, label: &label, moment: Moment::After, request };
            let intent = self.intent(cx.meta(), claim, wanted);
            intents.push(intent.map_err(|error| HandlerError::permanent(error.to_string()))?);
        }
        Ok(Departures { events, intents })
    }

    /// The row for an effect of the event at hand.
    ///
    /// # Errors
    /// The key scheme gives no key.
    pub(super) fn intent(
        &self,
        meta: &Meta,
        claim: &Claim,
        wanted: Wanted<'_>,
    ) -> Result<Intent, crate::Error> {
        let Wanted { effect, label, moment, request } = wanted;
        let parts = KeyParts {
            consumer: meta.consumer(),
            event: claim.key,
            source: meta.source(),
            id: meta.id(),
            effect,
            label,
        };
        Ok(Intent {
            id: EffectId::of(claim.consumer, claim.key, effect, label),
            consumer: claim.consumer,
            event: claim.key,
            effect: effect.to_owned(),
            label: label.to_owned(),
            moment,
            key: IdempotencyKey::new(self.keys.key(&parts))?,
            request: request.into(),
            origin: meta.origin(),
        })
    }
}
