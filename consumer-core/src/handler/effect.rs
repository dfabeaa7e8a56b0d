//! An effect: a function whose work no transaction covers, as the runtime calls it.

use std::{any::type_name, future::Future, marker::PhantomData};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Context, Extract, HandlerError, Needs, sending::Effects};
use crate::{
    effect::{EffectSpec, IdempotencyKey},
    event::Event,
};

/// An effect. Written by `#[effect]`; not for implementing by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no effect",
    label = "not an effect",
    note = "an effect is an `async fn` with `#[effect(name = \"…\")]`, and goes by the name of its function: \
            `Completed<charge_card>`, not what the function takes or returns"
)]
pub trait Effect: Send + Sync + 'static {
    /// What its attribute says.
    const SPEC: EffectSpec;

    /// What it is called with; the ledger keeps it as JSON.
    type Payload: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What it returns; the ledger keeps it as JSON and replays it.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Calls the user's function.
    fn call<'a>(
        payload: Self::Payload,
        cx: &'a Context,
    ) -> impl Future<Output = Result<Self::Output, HandlerError>> + Send + 'a;

    /// Asks the provider what became of a call, where [`EffectSpec::resolves`].
    fn resolve<'a>(
        payload: Self::Payload,
        cx: &'a Context,
    ) -> impl Future<Output = Result<Resolution<Self::Output>, HandlerError>> + Send + 'a {
        let _ = (payload, cx);
        async { Ok(Resolution::Unknown) }
    }

    /// Schedules what undoes it, where [`EffectSpec::compensates`].
    fn compensate(done: &Performed<Self::Payload, Self::Output>, effects: Effects<'_>) {
        let _ = (done, effects);
    }

    /// Reports what its parameters ask of the app.
    fn needs(needs: &mut Needs);
}

/// What a provider knows about a call whose answer was lost; what a `resolve` function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution<T> {
    /// It was done, with this result.
    Done(T),
    /// It was not done: it is called again, with the same key.
    NotDone,
    /// The provider cannot tell: a person has to look.
    Unknown,
}

/// An effect that was done, for the one that undoes it: `impl From<&Performed<Charge, Receipt>> for Refund`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed<P, O> {
    /// What it was called with.
    pub payload: P,
    /// What it returned.
    pub output: O,
}

/// Where the payload of a [`Completed`] effect comes from: `impl From<&OrderPlaced> for ChargeRequest`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from `{E}`",
    label = "the payload of this effect does not follow from the event",
    note = "a `Completed` effect runs before the handler, so its payload has to follow from the event: write \
            `impl From<&{E}> for {Self}`"
)]
pub trait PayloadOf<E>: Sized {
    /// Makes it.
    fn payload_of(event: &E) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E, P: for<'e> From<&'e E>> PayloadOf<E> for P {
    fn payload_of(event: &E) -> Self {
        P::from(event)
    }
}

/// The result of an effect that ran before the transaction, once for its event.
///
/// Taken as a parameter, it has the effect `F` called before the handler, outside any transaction, with its own idempotency
/// key; the result is recorded and replayed, and a duplicate calls nothing. Several run in the order of the parameters.
/// An effect takes the `Completed` of those before it.
///
/// A test builds one: `checkout(order, Completed(charge), &mut conn)`.
pub struct Completed<F: Effect>(pub F::Output)
where
    F::Output: Sized;

/// What the parameters of an effect are extracted from, in the place of an event.
pub struct CallOf<F>(PhantomData<fn() -> F>);

impl<'a, E: Event, F: Effect> Extract<'a, E> for Completed<F>
where
    F::Payload: PayloadOf<E>,
{
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        completed(cx)
    }

    fn needs(needs: &mut Needs) {
        needs.completes::<E, F>();
    }
}

impl<'a, G: Effect, F: Effect> Extract<'a, CallOf<G>> for Completed<F> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        completed(cx)
    }

    fn needs(needs: &mut Needs) {
        needs.takes_completed(F::SPEC.name);
    }
}

fn completed<F: Effect>(cx: &Context) -> Result<Completed<F>, HandlerError> {
    let name = F::SPEC.name;
    let result = cx.completed(name).ok_or_else(|| {
        HandlerError::permanent(format!(
            "effect `{name}` has not run before; take it as a parameter of the consumer first"
        ))
    })?;
    serde_json::from_slice(result).map(Completed).map_err(|_| {
        HandlerError::permanent(format!(
            "the recorded result of effect `{name}` cannot be read as `{}`: the type has changed since it ran; keep reading \
             its old form",
            type_name::<F::Output>()
        ))
    })
}

impl<'a, F: Effect> Extract<'a, CallOf<F>> for IdempotencyKey {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        <&Self as Extract<'a, CallOf<F>>>::extract(cx).cloned()
    }
}

impl<'a, F: Effect> Extract<'a, CallOf<F>> for &'a IdempotencyKey {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        cx.idempotency_key()
            .ok_or_else(|| HandlerError::permanent("there is no idempotency key outside an effect"))
    }
}

/// The payload of an effect as it was stored: the same bytes at every attempt, whatever a deploy has changed meanwhile.
///
/// A provider that honours idempotency keys refuses a repeated key with another body. Send these bytes, and it never does.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestBody(Bytes);

impl RequestBody {
    /// A body for calling an effect in a test.
    pub fn for_test(body: impl Into<Bytes>) -> Self {
        Self(body.into())
    }

    /// The bytes: the JSON of the payload.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestBody({} bytes)", self.0.len())
    }
}

impl<'a, F: Effect> Extract<'a, CallOf<F>> for RequestBody {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        cx.request()
            .cloned()
            .map(Self)
            .ok_or_else(|| HandlerError::permanent("there is no request outside an effect"))
    }
}
