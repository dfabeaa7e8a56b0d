//! The rules of the attribute's values, alone and together.

use std::time::Duration;

use syn::{Lit, Signature};

use super::super::attr::Attr;
use crate::{
    duration,
    mistake::Mistakes,
    name,
    param::{is, peel, typed},
};

/// How long a call may run where `timeout` says nothing; `EffectSpec::DEFAULT_TIMEOUT`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// RabbitMQ's own limit for a delivery without acknowledgement, by default.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(super) fn name(attr: &Attr, mistakes: &mut Mistakes) {
    let Some(text) = &attr.name else { return };
    name::check(text, "an effect's name", "its keys are derived from it", mistakes);
}

/// Whether the provider honours keys: it does, unless the attribute says otherwise.
pub(super) fn keyed(attr: &Attr, mistakes: &mut Mistakes) -> bool {
    if let (Some(_), Some(unkeyed)) = (&attr.keyed, &attr.unkeyed) {
        let text = "an effect is `keyed` or `unkeyed`: the provider recognises a repeated call by its key, or it does not; \
                    keep one of them";
        mistakes.add(unkeyed, text);
    }
    attr.unkeyed.is_none()
}

/// A keyed effect hands its key on; whoever has another way says `keyed`.
pub(super) fn passes_its_key(attr: &Attr, sig: &Signature, mistakes: &mut Mistakes) {
    let mut params = sig.inputs.iter().filter_map(typed);
    if attr.says_keys || sig.inputs.is_empty() || params.any(|arg| is(peel(&arg.ty), &["IdempotencyKey"])) {
        return;
    }
    let text = "an effect sends its idempotency key: a call whose answer was lost is repeated, and the provider has to know \
                it again; take `key: IdempotencyKey`, or write `unkeyed` if the provider honours no keys, or `keyed` if it \
                knows a repeated call by its payload";
    mistakes.add(&sig.ident, text);
}

/// How long one call may run.
pub(super) fn timeout(attr: &Attr, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = attr.timeout.as_ref()?;
    let timeout = duration::check(text, mistakes)?;
    if timeout.is_zero() {
        let reason = "a call that may take no time is always late; leave `timeout` out for 30 seconds";
        mistakes.add(text, format!("a timeout is more than nothing: {reason}"));
    } else if timeout >= CONSUMER_TIMEOUT {
        let reason = "a delivery waits for a `Completed` effect, and by then RabbitMQ closes its channel; start the work with \
                      a short call, and take its end as an event";
        mistakes.add(text, format!("a timeout is below 30 minutes: {reason}"));
    }
    Some(timeout)
}

/// How long the provider remembers a key.
pub(super) fn key_lifetime(
    attr: &Attr,
    timeout: Option<Duration>,
    mistakes: &mut Mistakes,
) -> Option<Duration> {
    let text = attr.key_lifetime.as_ref()?;
    let lifetime = duration::check(text, mistakes)?;
    if attr.unkeyed.is_some() {
        let text = "an unkeyed effect has no `key_lifetime`: its provider remembers no keys at all; remove one of the two";
        mistakes.add(attr.key_lifetime.as_ref(), text);
    } else if lifetime <= timeout.unwrap_or(DEFAULT_TIMEOUT) {
        let reason = "when its answer is lost, the key is forgotten already, and it is never repeated; write how long the \
                      provider remembers a key, or `unkeyed`";
        mistakes.add(text, format!("a key lives longer than one call may run: {reason}"));
    }
    Some(lifetime)
}

/// How many calls are made.
pub(super) fn attempts(attr: &Attr, mistakes: &mut Mistakes) -> Option<u32> {
    let literal = attr.attempts.as_ref()?;
    let attempts = match &literal.lit {
        Lit::Int(number) => number.base10_parse::<u32>().ok(),
        _ => None,
    };
    if attempts.is_none_or(|attempts| attempts == 0) {
        let text = "`attempts` is a number from 1: it counts the calls, the first one included; write `attempts = 20`";
        mistakes.add(literal, text);
    }
    attempts
}
