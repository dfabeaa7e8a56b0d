//! The wiring of an app's effects: what is missing, said twice, or in the wrong order.

use std::collections::BTreeMap;

use super::{Failed, Registered, RegisteredEffect, Registry};
use crate::{
    effect::{IdempotencyKey, KeyParts, KeyScheme},
    event::{Event, EventType},
    message::EventId,
    storage::Storage,
};

/// Every mistake, one line each.
pub(super) fn mistakes<S: Storage>(registry: &Registry<S>, keys: &dyn KeyScheme) -> Vec<String> {
    let Registry { consumers, effects } = registry;
    let mut mistakes = repeated(effects);
    mistakes.extend(consumers.iter().flat_map(|consumer| completing(consumer, effects)));
    mistakes.extend(consumers.iter().filter_map(waiting));
    mistakes.extend(effects.iter().flat_map(|effect| alone(effect, consumers)));
    mistakes.extend(effects.iter().filter_map(|effect| telling(effect, consumers)));
    mistakes.extend(effects.iter().filter_map(|effect| undone(effect, effects)));
    mistakes.extend(effects.iter().flat_map(|effect| callable(effect, keys)));
    mistakes
}

fn repeated(effects: &[RegisteredEffect]) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    effects.iter().for_each(|effect| *times.entry(effect.spec.name).or_default() += 1);
    let twice = times.into_iter().filter(|&(_, times)| times > 1);
    twice
        .map(|(name, times)| {
            format!("effect `{name}` is registered {times} times; each one needs its own name")
        })
        .collect()
}

/// What a consumer wants completed: each is registered, and takes the results of earlier ones only.
fn completing<S: Storage>(consumer: &Registered<S>, effects: &[RegisteredEffect]) -> Vec<String> {
    let (name, mut earlier, mut mistakes) = (consumer.spec.name, Vec::new(), Vec::new());
    for wanted in consumer.needs.each_to_complete() {
        let wanted = wanted.effect;
        match effects.iter().find(|effect| effect.spec.name == wanted) {
            None => mistakes.push(format!(
                "consumer `{name}` takes the `Completed` of effect `{wanted}`, which is not registered: `.register::<…>()` it too"
            )),
            Some(effect) => {
                let takes = effect.needs.takes_completed.iter().filter(|taken| !earlier.contains(*taken));
                mistakes.extend(takes.map(|taken| {
                    format!(
                        "effect `{wanted}` takes the `Completed` of effect `{taken}`, which runs before it only if consumer \
                         `{name}` takes it as an earlier parameter"
                    )
                }));
            }
        }
        earlier.push(wanted);
    }
    mistakes
}

/// Nobody's call to a provider is waited for by the events of others.
fn waiting<S: Storage>(consumer: &Registered<S>) -> Option<String> {
    let (name, batch) = (consumer.spec.name, consumer.spec.batch);
    let wanted = consumer.needs.completes.first().filter(|_| batch > 1)?.effect;
    Some(format!(
        "consumer `{name}` has `batch = {batch}` and takes the `Completed` of effect `{wanted}`, which runs before the transaction of \
         its event: the other events of the batch would wait for its provider; take `batch` out of the attribute, or schedule \
         the effect with `Effects<'_>`"
    ))
}

/// An effect that takes results of others runs before a handler, or not at all.
fn alone<S: Storage>(effect: &RegisteredEffect, consumers: &[Registered<S>]) -> Option<String> {
    let name = effect.spec.name;
    let completes =
        |consumer: &Registered<S>| consumer.needs.completes.iter().any(|wanted| wanted.effect == name);
    let taken = effect.needs.takes_completed.first()?;
    (!consumers.iter().any(completes)).then(|| {
        format!(
            "effect `{name}` takes the `Completed` of effect `{taken}`, but no consumer takes the `Completed` of `{name}`: an \
             effect that is scheduled has no earlier results"
        )
    })
}

/// The consumer that hears of its failure is there, and takes such an event.
fn telling<S: Storage>(effect: &RegisteredEffect, consumers: &[Registered<S>]) -> Option<String> {
    const TOLD: EventType = <Failed<()> as Event>::TYPES[0];
    let (name, told) = (effect.spec.name, effect.spec.on_failure?);
    let Some(consumer) = consumers.iter().find(|consumer| consumer.spec.name == told) else {
        return Some(format!(
            "effect `{name}` tells consumer `{told}` when it has failed, which is not registered"
        ));
    };
    (!consumer.types.contains(&TOLD)).then(|| {
        format!(
            "effect `{name}` tells consumer `{told}` when it has failed, but that one takes no `Failed<…>`"
        )
    })
}

/// The effect that undoes it is there.
fn undone(effect: &RegisteredEffect, effects: &[RegisteredEffect]) -> Option<String> {
    let (name, other) = (effect.spec.name, effect.needs.compensated_by?);
    let registered = effects.iter().any(|effect| effect.spec.name == other);
    (!registered).then(|| {
        format!("effect `{name}` is undone by effect `{other}`, which is not registered: `.register::<…>()` it too")
    })
}

/// It may be called at least once, with keys that a provider takes and tells apart.
fn callable(effect: &RegisteredEffect, keys: &dyn KeyScheme) -> Vec<String> {
    let name = effect.spec.name;
    let calls =
        (effect.spec.attempts == 0).then(|| format!("effect `{name}` has no attempts; give it one at least"));
    let refused = IdempotencyKey::new(key(keys, Sample::of(name)))
        .err()
        .map(|error| format!("the key scheme does not fit effect `{name}`: {error}"));
    calls.into_iter().chain(same(name, keys)).chain(refused).collect()
}

/// Calls that the key scheme cannot tell apart.
fn same(name: &str, keys: &dyn KeyScheme) -> Option<String> {
    let one = Sample::of(name);
    let others = [
        ("labels", Sample { label: "another", ..one }),
        ("effects", Sample { effect: "another", ..one }),
        ("events", Sample { id: "another", ..one }),
        ("consumers", Sample { consumer: "another", ..one }),
    ];
    let first = key(keys, one);
    let (what, _) = others.into_iter().find(|(_, other)| key(keys, *other) == first)?;
    Some(format!(
        "the key scheme gives effect `{name}` one key for two {what}, which are one call to its provider"
    ))
}

/// What a key is derived from, for a look at the scheme.
#[derive(Clone, Copy)]
struct Sample<'a> {
    consumer: &'a str,
    id: &'a str,
    effect: &'a str,
    label: &'a str,
}

impl<'a> Sample<'a> {
    fn of(effect: &'a str) -> Self {
        Self { consumer: "consumer", id: "id", effect, label: "one" }
    }
}

fn key(keys: &dyn KeyScheme, sample: Sample<'_>) -> String {
    let Sample { consumer, id, effect, label } = sample;
    let event = EventId { source: "source".to_owned(), id: id.to_owned() };
    keys.key(&KeyParts { consumer, event: event.key(), source: &event.source, id, effect, label })
}
