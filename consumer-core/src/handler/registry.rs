//! The registry: consumers of one storage, their types erased.

use std::{any::Any, borrow::Cow, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use super::{
    ConsumerConfig, ConsumerSpec, Consumes, Context, Effect, Handler, HandlerError, Input, Item, Meta, Needs,
    Performed, Resolution, sending::Effects,
};
use crate::{
    effect::EffectSpec,
    event::{DecodeError, Event, EventType},
    storage::Storage,
};

/// A consumer, an effect, or a tuple of them: what `App::register` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be registered with storage `{S}`",
    label = "not a consumer of this storage",
    note = "the connection in a handler's signature picks its storage: `&mut PgConnection` needs `PgStore`, \
            `&mut MySqlConnection` needs `MySqlStore`, `&mut SqliteConnection` needs `SqliteStore`",
    note = "register functions with `#[consumer(…)]` or `#[effect(…)]`, by name: `.register::<record_payment>()`"
)]
pub trait Register<S: Storage> {
    /// Adds itself.
    fn register(registry: &mut Registry<S>);
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<S: Storage, $($name: Register<S>),*> Register<S> for ($($name,)*) {
            fn register(registry: &mut Registry<S>) {
                $($name::register(registry);)*
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// What has been registered with an app.
pub struct Registry<S: Storage> {
    pub(crate) consumers: Vec<Registered<S>>,
    pub(crate) effects: Vec<RegisteredEffect>,
}

impl<S: Storage> Registry<S> {
    pub(crate) fn new() -> Self {
        Self { consumers: Vec::new(), effects: Vec::new() }
    }

    /// Adds an effect. What `#[effect]` calls.
    pub fn effect<F: Effect>(&mut self) {
        let mut needs = Needs::default();
        F::needs(&mut needs);
        self.effects.push(RegisteredEffect {
            spec: F::SPEC,
            needs,
            effect: Arc::new(ErasedCall::<F>(PhantomData)),
        });
    }

    /// Adds a consumer. What `#[consumer]` calls.
    pub fn consumer<H: Handler<S>>(&mut self) {
        let mut needs = Needs::default();
        H::needs(&mut needs);
        self.consumers.push(Registered {
            spec: H::SPEC,
            config: ConsumerConfig::of(&H::SPEC),
            types: EventOf::<H>::TYPES,
            keyed: EventOf::<H>::KEYED,
            needs,
            handler: Arc::new(Erased::<H>(PhantomData)),
        });
    }
}

/// One consumer, its types erased.
pub(crate) struct Registered<S: Storage> {
    pub(crate) spec: ConsumerSpec,
    pub(crate) config: ConsumerConfig,
    pub(crate) types: &'static [EventType],
    /// Whether its events have a key.
    pub(crate) keyed: bool,
    pub(crate) needs: Needs,
    pub(crate) handler: Arc<dyn ErasedHandler<S>>,
}

/// One effect, its types erased.
#[derive(Clone)]
pub(crate) struct RegisteredEffect {
    pub(crate) spec: EffectSpec,
    pub(crate) needs: Needs,
    pub(crate) effect: Arc<dyn ErasedEffect>,
}

/// An event that one [`ErasedHandler`] has decoded and will take back.
pub(crate) struct Decoded {
    pub(crate) body_id: Option<String>,
    pub(crate) key: Option<String>,
    event: Box<dyn Any + Send>,
}

impl Decoded {
    /// The event, whatever its type.
    pub(crate) fn event(&self) -> &(dyn Any + Send) {
        &*self.event
    }
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Handler`] behind a pointer: one box per call, beside database work of a thousand times its cost.
pub(crate) trait ErasedHandler<S: Storage>: Send + Sync {
    fn decode(&self, event_type: EventType, data: &[u8]) -> Result<Decoded, DecodeError>;

    fn handle<'a, 's: 'a>(
        &self,
        event: Decoded,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> BoxFuture<'a, Result<(), HandlerError>>;

    /// Whether it takes several events at once.
    fn takes_batches(&self) -> bool;

    /// Handles the events that `cx` is about, in its order, if it takes several at once; tells which ones have failed.
    fn handle_all<'a, 's: 'a>(
        &self,
        events: Vec<Decoded>,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> BoxFuture<'a, Result<Failures, HandlerError>>;
}

/// The events of a batch that have failed, by position.
pub(crate) type Failures = Vec<(usize, HandlerError)>;

struct Erased<H>(PhantomData<fn() -> H>);

type EventOf<H> = <<H as Consumes>::Input as Input>::Event;

impl<S: Storage, H: Handler<S>> ErasedHandler<S> for Erased<H> {
    fn decode(&self, event_type: EventType, data: &[u8]) -> Result<Decoded, DecodeError> {
        let event = EventOf::<H>::decode(event_type, data)?;
        let body_id = event.id().map(|id| id.into_owned());
        let key = event.key().map(Cow::into_owned);
        Ok(Decoded { body_id, key, event: Box::new(event) })
    }

    fn handle<'a, 's: 'a>(
        &self,
        event: Decoded,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> BoxFuture<'a, Result<(), HandlerError>> {
        let input = gather::<H::Input>(std::iter::once(event), cx);
        Box::pin(async move { H::handle(input?, cx, tx).await?.into_result() })
    }

    fn takes_batches(&self) -> bool {
        H::Input::BATCH
    }

    fn handle_all<'a, 's: 'a>(
        &self,
        events: Vec<Decoded>,
        cx: &'a Context,
        tx: &'a mut S::Tx<'s>,
    ) -> BoxFuture<'a, Result<Failures, HandlerError>> {
        let input = gather::<H::Input>(events.into_iter(), cx);
        Box::pin(async move { Ok(H::handle(input?, cx, tx).await?.into_vec()) })
    }
}

/// The events as a handler takes them, each with its envelope.
fn gather<In: Input>(
    events: impl ExactSizeIterator<Item = Decoded>,
    cx: &Context,
) -> Result<In, HandlerError> {
    let mut all = events.len() == cx.metas().len();
    let item = |(index, (event, meta)): (usize, (Decoded, &Meta))| match event.event.downcast() {
        Ok(event) => Some(Item::new(*event, meta.clone(), index)),
        Err(_) => {
            all = false;
            None
        }
    };
    let input = In::gather(events.zip(cx.metas()).enumerate().filter_map(item));
    let foreign = || HandlerError::permanent("these events were decoded for another call");
    input.filter(|_| all).ok_or_else(foreign)
}

/// An [`Effect`] behind a pointer, its payload and its result as JSON.
pub(crate) trait ErasedEffect: Send + Sync {
    fn call<'a>(&self, request: &[u8], cx: &'a Context) -> BoxFuture<'a, Result<Vec<u8>, HandlerError>>;

    fn resolve<'a>(
        &self,
        request: &[u8],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Resolution<Vec<u8>>, HandlerError>>;

    fn compensate(&self, request: &[u8], result: &[u8], effects: Effects<'_>) -> Result<(), HandlerError>;
}

struct ErasedCall<F>(PhantomData<fn() -> F>);

impl<F: Effect> ErasedEffect for ErasedCall<F> {
    fn call<'a>(&self, request: &[u8], cx: &'a Context) -> BoxFuture<'a, Result<Vec<u8>, HandlerError>> {
        match payload::<F>(request) {
            Ok(payload) => Box::pin(async move { result::<F>(&F::call(payload, cx).await?) }),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn resolve<'a>(
        &self,
        request: &[u8],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Resolution<Vec<u8>>, HandlerError>> {
        match payload::<F>(request) {
            Ok(payload) => Box::pin(async move {
                Ok(match F::resolve(payload, cx).await? {
                    Resolution::Done(output) => Resolution::Done(result::<F>(&output)?),
                    Resolution::NotDone => Resolution::NotDone,
                    Resolution::Unknown => Resolution::Unknown,
                })
            }),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn compensate(&self, request: &[u8], result: &[u8], effects: Effects<'_>) -> Result<(), HandlerError> {
        let output = serde_json::from_slice(result).map_err(|_| unreadable::<F>("result"))?;
        F::compensate(&Performed { payload: payload::<F>(request)?, output }, effects);
        Ok(())
    }
}

fn payload<F: Effect>(request: &[u8]) -> Result<F::Payload, HandlerError> {
    serde_json::from_slice(request).map_err(|_| unreadable::<F>("payload"))
}

fn result<F: Effect>(output: &F::Output) -> Result<Vec<u8>, HandlerError> {
    serde_json::to_vec(output).map_err(|error| {
        HandlerError::transient(format!(
            "the result of effect `{}` cannot be serialised: {error}",
            F::SPEC.name
        ))
    })
}

/// Never with what serde says: it repeats the values.
fn unreadable<F: Effect>(what: &str) -> HandlerError {
    HandlerError::permanent(format!(
        "the recorded {what} of effect `{}` cannot be read: its type has changed since it was written; keep reading its old \
         form, then release the effect",
        F::SPEC.name
    ))
}
