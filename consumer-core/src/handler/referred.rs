//! Those that an effect refers to by name.

use super::{Consumes, Effect, Effects, Failed, Input, Needs, Performed};

/// The effect that undoes the effect `F`.
pub trait Undoes<F: Effect>: Effect {
    /// How. One constant for all of it: one mistake gives one message.
    const UNDO: Undo<F>;
}

/// How an effect is undone.
pub struct Undo<F: Effect> {
    schedule: fn(&Performed<F::Payload, F::Output>, Effects<'_>),
    name: &'static str,
}

impl<F: Effect> Undo<F> {
    /// Schedules what undoes it.
    pub fn schedule(&self, done: &Performed<F::Payload, F::Output>, effects: Effects<'_>) {
        (self.schedule)(done, effects);
    }

    /// Reports that what undoes it has to be registered.
    pub fn needs(&self, needs: &mut Needs) {
        needs.compensated_by(self.name);
    }
}

impl<F: Effect, G: Effect> Undoes<F> for G
where
    G::Payload: UndoOf<F::Payload, F::Output>,
{
    const UNDO: Undo<F> = Undo {
        schedule: |done, effects| effects.schedule::<G>(&G::Payload::undo_of(done)),
        name: G::SPEC.name,
    };
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

/// The consumer that is told when an effect with payload `P` has failed.
pub trait Told<P>: Consumes {
    /// Its name.
    const NAME: &'static str;
}

impl<P, C: Consumes> Told<P> for C
where
    <C::Input as Input>::Event: FailureOf<P>,
{
    const NAME: &'static str = C::SPEC.name;
}

/// The event of a consumer that is told about a failure.
#[diagnostic::on_unimplemented(
    message = "an effect with payload `{P}` tells of its failure with a `Failed<{P}>`, not with a `{Self}`",
    label = "a consumer of another event",
    note = "the `on_failure` consumer takes `Failed<Payload>`: `async fn charge_failed(event: Failed<{P}>, …)`"
)]
pub trait FailureOf<P> {}

impl<P> FailureOf<P> for Failed<P> {}
