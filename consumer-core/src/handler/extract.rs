//! Extractors: parameters of a handler that are read from the delivery.

use std::any::{Any, TypeId, type_name};

use super::{CallOf, Context, Effect, HandlerError, Meta, PayloadOf};
use crate::event::Event;

/// A parameter of a handler, beside its event and its connection.
///
/// Implement it for what several handlers derive from a delivery, such as a tenant from a header:
///
/// ```
/// use consumer_core::handler::{Context, Extract, HandlerError, OneEvent};
///
/// struct Tenant(String);
///
/// impl<'a, In: OneEvent> Extract<'a, In> for Tenant {
///     fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
///         let tenant = cx.meta().headers().text("x-tenant");
///         tenant.map(|t| Tenant(t.to_owned())).ok_or_else(|| HandlerError::permanent("the header `x-tenant` is missing"))
///     }
/// }
/// ```
///
/// `In` is what it is extracted for: an event, a [`Batch`](super::Batch) or the call of an effect. An extractor that reads
/// [`Context::meta`] is for what is about [`OneEvent`]: beside a batch it does not compile.
///
/// It is synchronous on purpose: whatever waits here would wait inside the transaction.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be extracted for `{In}`",
    label = "not an extractor",
    note = "an extractor is `State<T>` for what `App::state` was given, `Meta` or `&Meta` for the envelope, `Outbox<'_>`, \
            `Effects<'_>` or `Completed<effect>` in a consumer of one event, `BatchOutbox<'_>` or `BatchEffects<'_>` in a \
            consumer of a `Batch`, `IdempotencyKey` or `RequestBody` in an effect, or a type of your own that implements \
            `Extract`; a `State` of axum is another type than `consumer::State`",
    note = "a consumer takes one event, its first parameter: derive `Event` on an enum for several types, and take a `Batch` for \
            several events at once, each of which has its `item.meta()`"
)]
pub trait Extract<'a, In>: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// Fails the delivery like an error of the handler; [`HandlerError::permanent`] dead-letters it.
    fn extract(cx: &'a Context) -> Result<Self, HandlerError>;

    /// Reports what has to be there before the first delivery.
    fn needs(_needs: &mut Needs) {}
}

/// An event, or the call of an effect, which is for one: what [`Context::meta`] speaks of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one event",
    label = "speaks of one event",
    note = "a `Batch` has no envelope of its own: each of its events has one, `item.meta()`; take the event by itself, or remove \
            this parameter"
)]
pub trait OneEvent {}

#[diagnostic::do_not_recommend]
impl<E: Event> OneEvent for E {}

impl<F: Effect> OneEvent for CallOf<F> {}

/// Shared state: the value of type `T` that [`App::state`](super::App::state) was given, cloned.
///
/// A missing one is reported at start, with all others that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<'a, In, T: Clone + Send + Sync + 'static> Extract<'a, In> for State<T> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        cx.state::<T>().cloned().map(State).ok_or_else(|| {
            HandlerError::permanent(format!("no state of type `{}` was given to the app", type_name::<T>()))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}

impl<'a, In: OneEvent> Extract<'a, In> for Meta {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(cx.meta().clone())
    }
}

impl<'a, In: OneEvent> Extract<'a, In> for &'a Meta {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(cx.meta())
    }
}

/// What the parameters of one handler ask of the app.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub(crate) states: Vec<(TypeId, &'static str)>,
    pub(crate) unclassified_error: Option<&'static str>,
    /// Effects to be completed before the handler, in order.
    pub(crate) completes: Vec<ToComplete>,
    /// Effects whose results another one takes.
    pub(crate) takes_completed: Vec<&'static str>,
    pub(crate) outbox: bool,
    /// The effect that undoes this one.
    pub(crate) compensated_by: Option<&'static str>,
}

/// An effect that a handler wants completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToComplete {
    pub(crate) effect: &'static str,
    /// The payload as JSON; `None` for an event of another type.
    pub(crate) payload: fn(&(dyn Any + Send)) -> Option<serde_json::Result<Vec<u8>>>,
}

impl Needs {
    /// Asks for a state of type `T`.
    pub fn state<T: 'static>(&mut self) {
        let id = TypeId::of::<T>();
        if !self.states.iter().any(|&(known, _)| known == id) {
            self.states.push((id, type_name::<T>()));
        }
    }

    /// Asks for an effect to be completed before the handler.
    pub(crate) fn completes<E: Event, F: Effect>(&mut self)
    where
        F::Payload: PayloadOf<E>,
    {
        self.completes.push(ToComplete {
            effect: F::SPEC.name,
            payload: |event| {
                event.downcast_ref::<E>().map(|event| serde_json::to_vec(&F::Payload::payload_of(event)))
            },
        });
    }

    /// The effects to be completed, each where it is taken first.
    pub(crate) fn each_to_complete(&self) -> Vec<ToComplete> {
        let mut seen = std::collections::BTreeSet::new();
        self.completes.iter().copied().filter(|to_complete| seen.insert(to_complete.effect)).collect()
    }

    /// Says that an effect takes the result of another one.
    pub(crate) fn takes_completed(&mut self, effect: &'static str) {
        self.takes_completed.push(effect);
    }

    /// Says which effect undoes this one.
    pub(crate) fn compensated_by(&mut self, effect: &'static str) {
        self.compensated_by = Some(effect);
    }

    /// Says that events are published.
    pub(crate) fn outbox(&mut self) {
        self.outbox = true;
    }

    /// Says that the handler's error type leaves its classes to the defaults.
    pub fn unclassified_error(&mut self, name: &'static str) {
        self.unclassified_error = Some(name);
    }
}
