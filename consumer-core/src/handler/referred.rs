//! Those that an effect refers to by name.

use std::marker::PhantomData;

use super::{Consumes, Effect, Effects, Failed, Needs, Performed};

/// The name of the consumer that is told when an effect with payload `P` has failed.
pub const fn told<C: Consumes, P>() -> &'static str
where
    C::Event: FailureOf<P>,
{
    C::SPEC.name
}

/// The event of a consumer that is told about a failure.
#[diagnostic::on_unimplemented(
    message = "an effect with payload `{P}` tells of its failure with a `Failed<{P}>`, not with a `{Self}`",
    label = "a consumer of another event",
    note = "the `on_failure` consumer takes `Failed<Payload>`: `async fn charge_failed(event: Failed<{P}>, …)`"
)]
pub trait FailureOf<P> {}

impl<P> FailureOf<P> for Failed<P> {}

/// The effect `G` that undoes the effect `F`.
pub struct Undo<G, F>(PhantomData<fn() -> (G, F)>);

impl<G: Effect, F: Effect> Undo<G, F>
where
    G::Payload: UndoOf<F::Payload, F::Output>,
{
    /// Schedules it.
    pub fn schedule(done: &Performed<F::Payload, F::Output>, effects: Effects<'_>) {
        effects.schedule::<G>(&G::Payload::undo_of(done));
    }

    /// Reports that it has to be registered.
    pub fn needs(needs: &mut Needs) {
        needs.compensated_by(G::SPEC.name);
    }
}

/// Where the payload of an undoing effect comes from.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from a `Performed<{P}, {O}>`",
    label = "the payload of this effect does not follow from what is to be undone",
    note = "a `compensate` effect gets its payload from what was done: write `impl From<&Performed<{P}, {O}>> for {Self}`"
)]
pub trait UndoOf<P, O>: Sized {
    /// Makes it.
    fn undo_of(done: &Performed<P, O>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<P, O, U: for<'d> From<&'d Performed<P, O>>> UndoOf<P, O> for U {
    fn undo_of(done: &Performed<P, O>) -> Self {
        U::from(done)
    }
}
