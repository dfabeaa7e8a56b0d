//! A `resolve` function: it asks a provider what became of a call whose answer was lost.

use std::{future::Future, pin::Pin};

use super::{CallOf, Context, Effect, Extract, HandlerError, Needs, Resolution};

/// A function that can resolve effect `F`: an `async fn` of its payload and of extractors.
///
/// `Args` are its parameters; there is one implementation for each number of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot resolve effect `{F}`",
    label = "not a function of the payload and extractors",
    note = "a `resolve` function asks the provider what became of a call: `async fn find(payload: Payload, key: \
            IdempotencyKey) -> Result<Resolution<Output>, E>`, with the payload of the effect by value or by `&` first, and \
            up to seven extractors; what it holds while it waits is `Send`"
)]
pub trait Resolves<'c, F: Effect, Args> {
    /// What it returns.
    type Returned;

    /// Calls it with what the slot holds.
    ///
    /// # Errors
    /// Those of the extractors.
    fn ask(
        self,
        payload: &'c mut Option<F::Payload>,
        cx: &'c Context,
    ) -> Result<Asked<'c, Self::Returned>, HandlerError>;

    /// Reports what its parameters ask of the app.
    fn needs(needs: &mut Needs);
}

/// A pending question: boxed, because it is rare and its type would show lifetimes.
pub type Asked<'c, R> = Pin<Box<dyn Future<Output = R> + Send + 'c>>;

/// The first parameter: the payload, or a reference to it.
pub trait TakesPayload<'c, P>: Sized {
    /// Takes it out of the slot, or borrows what is there.
    fn take(slot: &'c mut Option<P>) -> Option<Self>;
}

impl<'c, P> TakesPayload<'c, P> for P {
    fn take(slot: &'c mut Option<P>) -> Option<Self> {
        slot.take()
    }
}

impl<'c, P> TakesPayload<'c, P> for &'c P {
    fn take(slot: &'c mut Option<P>) -> Option<Self> {
        slot.as_ref()
    }
}

macro_rules! functions {
    ($($arg:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<'c, Func, Fut, F, P, $($arg),*> Resolves<'c, F, (P, $($arg,)*)> for Func
        where
            F: Effect,
            P: TakesPayload<'c, F::Payload>,
            $($arg: Extract<'c, CallOf<F>>,)*
            Func: FnOnce(P, $($arg),*) -> Fut,
            Fut: Future + Send + 'c,
        {
            type Returned = Fut::Output;

            #[allow(non_snake_case, reason = "one name for a type and its value")]
            fn ask(
                self,
                payload: &'c mut Option<F::Payload>,
                cx: &'c Context,
            ) -> Result<Asked<'c, Self::Returned>, HandlerError> {
                let _ = cx;
                let gone = || HandlerError::permanent("the payload was taken already");
                let payload = P::take(payload).ok_or_else(gone)?;
                $(let $arg = $arg::extract(cx)?;)*
                Ok(Box::pin(self(payload, $($arg),*)))
            }

            fn needs(needs: &mut Needs) {
                let _ = &needs;
                $($arg::needs(needs);)*
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D G);
functions!(A B C D G H);
functions!(A B C D G H I);

/// A `resolve` function, its parameters known. What it can do is found out once: one mistake gives one message.
pub struct Resolver<'c, F: Effect, R> {
    ask: Ask<'c, F, R>,
    needs: fn(&mut Needs),
}

type Ask<'c, F, R> = Box<
    dyn FnOnce(&'c mut Option<<F as Effect>::Payload>, &'c Context) -> Result<Asked<'c, R>, HandlerError>
        + 'c,
>;

/// Checks that it is one.
pub fn resolver<'c, F, Args, Func>(function: Func) -> Resolver<'c, F, Func::Returned>
where
    F: Effect,
    Func: Resolves<'c, F, Args> + 'c,
{
    Resolver { ask: Box::new(|payload, cx| function.ask(payload, cx)), needs: Func::needs }
}

impl<'c, F: Effect, R> Resolver<'c, F, R> {
    /// Calls it.
    ///
    /// # Errors
    /// Those of the extractors.
    pub fn call(
        self,
        payload: &'c mut Option<F::Payload>,
        cx: &'c Context,
    ) -> Result<Asked<'c, R>, HandlerError> {
        (self.ask)(payload, cx)
    }

    /// Reports what its parameters ask of the app.
    pub fn needs(self, needs: &mut Needs) {
        (self.needs)(needs);
    }
}

/// What a `resolve` function has returned, through any alias such as `anyhow::Result<Resolution<Charged>>`.
///
/// # Errors
/// The function's own.
pub fn found<R: Found>(returned: R) -> Result<R::Found, R::Error> {
    returned.into_result()
}

/// The return type of a `resolve` function.
#[diagnostic::on_unimplemented(
    message = "a `resolve` function returns `Result<Resolution<O>, E>`, not `{Self}`",
    label = "expected `Result<Resolution<O>, E>`",
    note = "`Ok` = the provider has answered, be it `Resolution::Unknown`; `Err` = it could not be asked, and is asked again"
)]
pub trait Found {
    /// What it has found out.
    type Found;
    /// What went wrong.
    type Error;
    /// Itself.
    ///
    /// # Errors
    /// The function's own.
    fn into_result(self) -> Result<Self::Found, Self::Error>;
}

impl<R, E> Found for Result<R, E> {
    type Found = R;
    type Error = E;
    fn into_result(self) -> Self {
        self
    }
}

/// What a `resolve` function has found out about an effect whose result is `O`.
pub fn resolution<R: ResolutionOf<O>, O>(found: R) -> Resolution<O> {
    found.into_resolution()
}

/// What a `resolve` function returns in its `Ok`.
#[diagnostic::on_unimplemented(
    message = "the `resolve` function of an effect that returns `{O}` finds a `Resolution<{O}>`, not a `{Self}`",
    label = "expected a `Resolution<{O}>`",
    note = "`Resolution::Done(…)` = it was done, with this result; `NotDone` = call it again; `Unknown` = a person has to look"
)]
pub trait ResolutionOf<O> {
    /// Itself.
    fn into_resolution(self) -> Resolution<O>;
}

impl<O> ResolutionOf<O> for Resolution<O> {
    fn into_resolution(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        effect::{EffectSpec, IdempotencyKey},
        handler::{Meta, RequestBody, State, States, referred::Undoes},
    };

    enum Charge {}

    impl Effect for Charge {
        const SPEC: EffectSpec = EffectSpec::new("charge");
        type Payload = String;
        type Output = usize;

        async fn call(payload: String, _: &Context) -> Result<usize, HandlerError> {
            Ok(payload.len())
        }

        fn needs(_: &mut Needs) {}
    }

    enum Refund {}

    impl Effect for Refund {
        const SPEC: EffectSpec = EffectSpec::new("refund");
        type Payload = Undone;
        type Output = ();

        async fn call(_: Undone, _: &Context) -> Result<(), HandlerError> {
            Ok(())
        }

        fn needs(_: &mut Needs) {}
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Undone(usize);

    impl From<&crate::handler::Performed<String, usize>> for Undone {
        fn from(done: &crate::handler::Performed<String, usize>) -> Self {
            Self(done.output)
        }
    }

    async fn owned(payload: String) -> String {
        payload
    }

    async fn lent(payload: &String, key: &IdempotencyKey, meta: &Meta, state: State<u8>) -> String {
        format!("{payload} {key} {} {}", meta.id(), state.0)
    }

    async fn without_a_state(_: &String, _: RequestBody, state: State<u16>) -> u16 {
        state.0
    }

    fn context() -> Context {
        let mut states = States::default();
        states.insert(7_u8);
        let meta = Meta::for_test("evt-1").build();
        Context::new(meta, Arc::new(states), Arc::default())
            .of_call(IdempotencyKey::for_test("k"), Bytes::from_static(b"\"p\""))
    }

    #[tokio::test]
    async fn a_payload_is_taken_or_lent() -> Result<(), HandlerError> {
        let cx = context();
        let mut payload = Some("p".to_owned());
        let lent = resolver::<Charge, _, _>(lent).call(&mut payload, &cx)?.await;
        assert_eq!(lent, "p k evt-1 7");
        assert_eq!(resolver::<Charge, _, _>(owned).call(&mut payload, &cx)?.await, "p");
        assert_eq!(payload, None);
        Ok(())
    }

    #[test]
    fn what_cannot_be_extracted_asks_nobody() {
        let (cx, mut payload) = (context(), Some(String::new()));
        let asked = resolver::<Charge, _, _>(without_a_state).call(&mut payload, &cx);
        assert!(asked.is_err_and(|error| error.to_string().contains("u16")));
    }

    /// What is not counted here is missed at the first doubt, not at start.
    #[test]
    fn what_an_effect_refers_to_is_asked_for() {
        let mut needs = Needs::default();
        resolver::<Charge, _, _>(lent).needs(&mut needs);
        resolver::<Charge, _, _>(without_a_state).needs(&mut needs);
        <Refund as Undoes<Charge>>::UNDO.needs(&mut needs);
        assert_eq!((needs.states.len(), needs.compensated_by), (2, Some("refund")));
    }
}
