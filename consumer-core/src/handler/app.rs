//! An app: consumers and the state they share, apart from the servers they run on.

use std::{any::type_name, collections::BTreeMap, sync::Arc};

use super::{ConsumerConfig, Register, Registered, RegisteredEffect, Registry, States, wiring};
use crate::{
    effect::{KeyScheme, Standard},
    error::{Error, Result},
    storage::Storage,
};

/// What an application does with events, before anybody says where they come from.
///
/// Its wiring is a unit test of one line: `app().check().unwrap()`.
///
/// ```
/// # use consumer_core::{App, handler::Register, testing::MemoryStore};
/// # #[derive(Clone)]
/// # struct Mailer;
/// # fn app<Payments: Register<MemoryStore>>() -> App<MemoryStore> {
/// App::new().state(Mailer).register_with::<Payments>(|config| config.concurrency(4).prefetch(32))
/// # }
/// # struct Nothing;
/// # impl Register<MemoryStore> for Nothing {
/// #     fn register(_: &mut consumer_core::handler::Registry<MemoryStore>) {}
/// # }
/// # assert!(app::<Nothing>().check().unwrap_err().is_wiring());
/// ```
#[must_use = "an app does nothing until a `Runtime` runs it"]
pub struct App<S: Storage> {
    states: States,
    registry: Registry<S>,
    keys: Option<Arc<dyn KeyScheme>>,
    mistakes: Vec<String>,
}

/// An app that was checked, taken apart.
pub(crate) struct Parts<S: Storage> {
    pub(crate) states: Arc<States>,
    pub(crate) consumers: Vec<Registered<S>>,
    pub(crate) effects: Vec<RegisteredEffect>,
    pub(crate) keys: Arc<dyn KeyScheme>,
}

impl<S: Storage> Default for App<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Storage> App<S> {
    /// An app without consumers.
    pub fn new() -> Self {
        Self { states: States::default(), registry: Registry::new(), keys: None, mistakes: Vec::new() }
    }

    /// Gives a value to the handlers that take `State<T>`; one value per type.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        if !self.states.insert(value) {
            self.mistakes.push(format!(
                "`.state(…)` was given two values of type `{}`; wrap one of them in a type of its own",
                type_name::<T>()
            ));
        }
        self
    }

    /// Adds a consumer, or a tuple of them.
    pub fn register<R: Register<S>>(mut self) -> Self {
        R::register(&mut self.registry);
        self
    }

    /// Adds a consumer, or a tuple of them, each with these settings.
    pub fn register_with<R: Register<S>>(
        mut self,
        configure: impl Fn(ConsumerConfig) -> ConsumerConfig,
    ) -> Self {
        let before = self.registry.consumers.len();
        R::register(&mut self.registry);
        for consumer in &mut self.registry.consumers[before..] {
            consumer.config = configure(consumer.config.clone());
        }
        self
    }

    /// Derives idempotency keys in another way than [`Standard`]. Only keys of effects that are planned from now on are
    /// derived by it: what is in the ledger keeps its key.
    pub fn key_scheme(mut self, scheme: impl KeyScheme) -> Self {
        if self.keys.replace(Arc::new(scheme)).is_some() {
            self.mistakes.push("`.key_scheme(…)` was called twice; an app has one".to_owned());
        }
        self
    }

    /// Takes over the consumers, the effects and the state of another app.
    pub fn merge(mut self, other: Self) -> Self {
        if !self.states.merge(other.states) {
            self.mistakes.push("`.merge(…)` met a state of a type that this app has already".to_owned());
        }
        self.registry.consumers.extend(other.registry.consumers);
        self.registry.effects.extend(other.registry.effects);
        if other.keys.is_some() && self.keys.is_some() {
            self.mistakes.push("`.merge(…)` met a second `.key_scheme(…)`; an app has one".to_owned());
        }
        self.keys = self.keys.or(other.keys);
        self.mistakes.extend(other.mistakes);
        self
    }

    /// Checks that everything fits together, without any server.
    ///
    /// # Errors
    /// [`is_wiring`](Error::is_wiring), with everything that is missing or said twice, one line each.
    pub fn check(&self) -> Result<()> {
        let mut mistakes = self.mistakes();
        if self.registry.consumers.is_empty() && self.registry.effects.is_empty() {
            mistakes.push(
                "no consumer and no effect is registered: `.register::<…>()`; a process that only relays the outbox says so with \
                 `Runtime::relay(…)`"
                    .to_owned(),
            );
        }
        as_error(mistakes)
    }

    /// As [`check`](Self::check), for a process that may be without consumers.
    pub(crate) fn check_without_consumers(&self) -> Result<()> {
        as_error(self.mistakes())
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = self.mistakes.clone();
        mistakes.extend(self.missing_states());
        mistakes.extend(self.repeated("consumer", |c| c.spec.name));
        mistakes.extend(self.repeated("queue", |c| &c.config.queue.name));
        mistakes.extend(self.contested_aliases());
        mistakes.extend(wiring::mistakes(&self.registry, self.keys.as_deref().unwrap_or(&Standard)));
        mistakes
    }

    fn missing_states(&self) -> Vec<String> {
        let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let consumers = self.registry.consumers.iter().map(|c| (c.spec.name, &c.needs));
        let effects = self.registry.effects.iter().map(|e| (e.spec.name, &e.needs));
        for (taker, needs) in consumers.chain(effects) {
            for (_, state) in needs.states.iter().filter(|(id, _)| !self.states.has(*id)) {
                missing.entry(state).or_default().push(taker);
            }
        }
        let line = |(state, consumers): (&str, Vec<&str>)| {
            format!(
                "`State<{state}>` is taken by {}, but no `.state(…)` of that type was given",
                quoted(&consumers)
            )
        };
        missing.into_iter().map(line).collect()
    }

    fn repeated(&self, what: &str, name: impl Fn(&Registered<S>) -> &str) -> Vec<String> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        self.registry.consumers.iter().for_each(|c| *seen.entry(name(c)).or_default() += 1);
        let twice = seen.into_iter().filter(|&(_, times)| times > 1);
        twice
            .map(|(name, times)| {
                format!("{what} `{name}` is registered {times} times; each one needs its own")
            })
            .collect()
    }

    fn contested_aliases(&self) -> Vec<String> {
        let consumers = &self.registry.consumers;
        let contested = |alias: &&str| {
            let alias = *alias;
            consumers.iter().filter(|c| c.spec.name == alias || c.spec.aliases.contains(&alias)).count() > 1
        };
        let aliases = consumers.iter().flat_map(|c| c.spec.aliases.iter().copied());
        let contested: std::collections::BTreeSet<_> = aliases.filter(contested).collect();
        contested
            .into_iter()
            .map(|alias| format!("the alias `{alias}` belongs to more than one consumer"))
            .collect()
    }

    pub(crate) fn into_parts(self) -> Parts<S> {
        Parts {
            states: Arc::new(self.states),
            consumers: self.registry.consumers,
            effects: self.registry.effects,
            keys: self.keys.unwrap_or_else(|| Arc::new(Standard)),
        }
    }
}

fn as_error(mistakes: Vec<String>) -> Result<()> {
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(Error::wiring(mistakes.join("\n"))),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
