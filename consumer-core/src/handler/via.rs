//! How generated code finds out what a type can do: tiers of traits, the most specific first.
//!
//! Method lookup tries `&&&&Tag<E>` before `&&&Tag<E>` and so on, and takes the first tier whose bounds hold. The last
//! tier for errors has a bound that fails with a message: a silent last tier would accept everything.

use std::{any::type_name, convert::Infallible, error::Error as StdError, marker::PhantomData};

use super::{Batch, BatchFailures, Extract, HandlerError, Needs, error::Failure};
use crate::{
    classify::{Classify, Verdict},
    effect::ProviderError,
};

/// What a handler of `In` has returned, through any alias such as `anyhow::Result<()>`.
///
/// # Errors
/// The handler's own.
pub fn outcome<In, R: Outcome<In, F, E>, F, E>(returned: R) -> Result<BatchFailures<F>, E> {
    returned.into_result()
}

/// The failures of a handler, their errors kept.
pub fn kept<F>(failures: BatchFailures<F>, keep: impl Fn(F) -> HandlerError) -> BatchFailures {
    failures.map(keep)
}

/// The return type of a handler.
#[diagnostic::on_unimplemented(
    message = "a consumer returns `Result<(), E>`, not `{Self}`",
    label = "expected `Result<(), E>`",
    note = "`Ok(())` = decided: the unit commits; `Err` = could not decide: it rolls back, to be tried again or \
            dead-lettered; a result for others is an event to publish or a row to write",
    note = "a consumer of a `Batch` may also return `Result<BatchFailures<F>, E>`, where `F` is an error too: which events it \
            could not decide"
)]
pub trait Outcome<In, F, E> {
    /// Which events could not be decided.
    ///
    /// # Errors
    /// The handler's own.
    fn into_result(self) -> Result<BatchFailures<F>, E>;
}

impl<In, E> Outcome<In, Infallible, E> for Result<(), E> {
    fn into_result(self) -> Result<BatchFailures<Infallible>, E> {
        self.map(|()| BatchFailures::new())
    }
}

impl<Ev, F, E> Outcome<Batch<Ev>, F, E> for Result<BatchFailures<F>, E> {
    fn into_result(self) -> Self {
        self
    }
}

/// The return type of an effect, through any alias such as `anyhow::Result<Charged>`.
#[diagnostic::on_unimplemented(
    message = "an effect returns `Result<O, E>`, not `{Self}`",
    label = "expected `Result<O, E>`",
    note = "`Ok` = done: `O` is recorded, and replayed to whoever asks again; `Err` = refused, or to be called again, as the \
            error says; write `Result<(), E>` where there is nothing to record"
)]
pub trait Answer {
    /// What is recorded.
    type Output;
    /// What went wrong.
    type Error;
    /// Itself.
    ///
    /// # Errors
    /// The effect's own.
    fn into_result(self) -> Result<Self::Output, Self::Error>;
}

impl<O, E> Answer for Result<O, E> {
    type Output = O;
    type Error = E;
    fn into_result(self) -> Self {
        self
    }
}

/// An error's type, to be asked how it can be kept.
pub struct Tag<E>(PhantomData<fn() -> E>);

impl<E> Tag<E> {
    /// Of a value's type.
    pub const fn of(_: &E) -> Self {
        Self(PhantomData)
    }
}

/// An error type that implements [`Classify`].
pub trait PickClassify {
    /// This tier.
    fn pick(&self) -> ByClassify {
        ByClassify
    }
}

impl<E: Classify + StdError + Send + Sync + 'static> PickClassify for &&&&Tag<E> {}

/// The error says its class itself.
pub struct ByClassify;

impl ByClassify {
    /// Keeps the error.
    pub fn wrap<E: Classify + StdError + Send + Sync + 'static>(self, error: E) -> HandlerError {
        HandlerError::new(Classified(error))
    }
}

struct Classified<E>(E);

impl<E: Classify + StdError + Send + Sync + 'static> Failure for Classified<E> {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        &self.0
    }

    fn verdict(&self) -> Option<Verdict<'_>> {
        Some(self.0.classify())
    }
}

/// Any other error type.
pub trait PickError {
    /// This tier.
    fn pick(&self) -> ByError {
        ByError
    }
}

impl<E: StdError + Send + Sync + 'static> PickError for &&&Tag<E> {}

/// The storage looks for a code in the error's chain.
pub struct ByError;

impl ByError {
    /// Keeps the error.
    pub fn wrap<E: StdError + Send + Sync + 'static>(self, error: E) -> HandlerError {
        HandlerError::new(Plain(error))
    }
}

struct Plain<E>(E);

impl<E: StdError + Send + Sync + 'static> Failure for Plain<E> {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        &self.0
    }

    fn verdict(&self) -> Option<Verdict<'_>> {
        None
    }
}

/// A box around any error: `anyhow::Error`, `Box<dyn Error + Send + Sync>`.
pub trait PickDyn {
    /// This tier.
    fn pick(&self) -> ByDyn {
        ByDyn
    }
}

impl<E: AsRef<dyn StdError + Send + Sync> + Send + Sync + 'static> PickDyn for &&Tag<E> {}

/// The storage looks for a code in what the box holds.
pub struct ByDyn;

impl ByDyn {
    /// Keeps the box as it is: converting it would hide what it holds.
    pub fn wrap<E: AsRef<dyn StdError + Send + Sync> + Send + Sync + 'static>(
        self,
        error: E,
    ) -> HandlerError {
        HandlerError::new(Boxed(error))
    }
}

struct Boxed<E>(E);

impl<E: AsRef<dyn StdError + Send + Sync> + Send + Sync + 'static> Failure for Boxed<E> {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self.0.as_ref()
    }

    fn verdict(&self) -> Option<Verdict<'_>> {
        None
    }
}

/// Our own error, from a function that calls extractors itself.
pub trait PickOwn {
    /// This tier.
    fn pick(&self) -> ByOwn {
        ByOwn
    }
}

impl PickOwn for &Tag<HandlerError> {}

/// It is one already.
pub struct ByOwn;

impl ByOwn {
    /// Hands it on.
    pub fn wrap(self, error: HandlerError) -> HandlerError {
        error
    }
}

/// What is left: no error at all.
pub trait PickNone {
    /// This tier.
    fn pick(&self) -> ByNone {
        ByNone
    }
}

impl<E> PickNone for Tag<E> {}

/// A type that is no error, which does not compile.
pub struct ByNone;

impl ByNone {
    /// Fails to compile.
    pub fn wrap<E: ErrorOfAHandler>(self, _: E) -> HandlerError {
        HandlerError::transient("")
    }
}

/// The bound that nothing has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a consumer or an effect",
    label = "not an error",
    note = "use a type that implements `std::error::Error + Send + Sync + 'static`, `anyhow::Error` or \
            `Box<dyn Error + Send + Sync>`"
)]
pub trait ErrorOfAHandler {}

/// A handler's return type, to be asked whether its error says its class.
pub struct Returned<R>(PhantomData<fn() -> R>);

impl<R> Returned<R> {
    /// To be asked.
    #[expect(clippy::new_without_default, reason = "written by macros only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The error says its class: nothing to report.
pub trait ReportClassified {
    /// Reports nothing.
    fn report(&self, _: &mut Needs) {}
}

impl<T, E: Classify> ReportClassified for &&&Returned<Result<T, E>> {}

/// The error is ours, which has a class: nothing to report.
pub trait ReportOwn {
    /// Reports nothing.
    fn report(&self, _: &mut Needs) {}
}

impl<T> ReportOwn for &&Returned<Result<T, HandlerError>> {}

/// It says what a call has done, which is more than a class.
impl<T> ReportOwn for &&Returned<Result<T, ProviderError>> {}

/// The error leaves its class to the defaults.
pub trait ReportUnclassified {
    /// Reports its name.
    fn report(&self, needs: &mut Needs);
}

impl<T, E> ReportUnclassified for &Returned<Result<T, E>> {
    fn report(&self, needs: &mut Needs) {
        needs.unclassified_error(type_name::<E>());
    }
}

/// No `Result` at all: silent here, because [`outcome`] has the message.
pub trait ReportNone {
    /// Reports nothing.
    fn report(&self, _: &mut Needs) {}
}

impl<R> ReportNone for Returned<R> {}

/// A parameter of a handler of `In` events, its lifetimes made `'static`.
pub struct Param<In, T>(PhantomData<fn() -> (In, T)>);

impl<In, T> Param<In, T> {
    /// To be asked.
    #[expect(clippy::new_without_default, reason = "written by macros only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// A parameter that is an extractor: its needs are reported.
pub trait PickNeeds {
    /// Reports them.
    fn report(&self, needs: &mut Needs);
}

impl<In: 'static, T: Extract<'static, In>> PickNeeds for &Param<In, T> {
    fn report(&self, needs: &mut Needs) {
        T::needs(needs);
    }
}

/// A parameter that is none: silent here, because `extract` has the message.
pub trait PickNoNeeds {
    /// Reports nothing.
    fn report(&self, _: &mut Needs) {}
}

impl<In, T> PickNoNeeds for Param<In, T> {}

/// The expressions that generated code is made of: one `&` too few, and a tier is never asked.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Failed, Meta, State};

    #[derive(Debug)]
    struct Classified;

    impl std::fmt::Display for Classified {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("classified")
        }
    }

    impl StdError for Classified {}

    impl Classify for Classified {
        fn classify(&self) -> Verdict<'_> {
            Verdict::Permanent
        }
    }

    fn returned<In, R: Outcome<In, F, E>, F, E>(of: R) -> Result<usize, E> {
        outcome::<In, _, _, _>(of).map(|failures| failures.len())
    }

    #[test]
    fn failures_by_event_are_told_of_a_batch_alone() {
        let failed = || {
            let mut failures = BatchFailures::<Classified>::new();
            failures.fail(&crate::handler::Item::new((), Meta::for_test("1").build(), 3), Classified);
            failures
        };
        assert!(matches!(returned::<Failed<()>, _, _, _>(Ok::<_, HandlerError>(())), Ok(0)));
        assert!(matches!(returned::<Batch<Failed<()>>, _, _, _>(Ok::<_, HandlerError>(())), Ok(0)));
        assert!(matches!(returned::<Batch<Failed<()>>, _, _, _>(Ok::<_, HandlerError>(failed())), Ok(1)));
        let kept = kept(failed(), |error| (&&&&&Tag::of(&error)).pick().wrap(error)).into_vec();
        assert!(matches!(&kept[..], [(3, error)] if error.0.verdict().is_some()), "{kept:?}");
    }

    macro_rules! unclassified {
        ($returned:ty) => {{
            let mut needs = Needs::default();
            (&&&&Returned::<$returned>::new()).report(&mut needs);
            needs.unclassified_error
        }};
    }

    #[test]
    fn an_error_without_a_class_of_its_own_is_reported() {
        assert!(unclassified!(std::io::Result<()>).is_some_and(|name| name.ends_with("io::error::Error")));
        assert!(unclassified!(anyhow::Result<()>).is_some());
        assert_eq!(unclassified!(Result<(), Classified>), None);
        assert_eq!(unclassified!(Result<(), HandlerError>), None);
        assert_eq!(unclassified!(Result<u8, Classified>), None);
        assert_eq!(unclassified!(Result<u8, ProviderError>), None);
        assert!(unclassified!(std::io::Result<u8>).is_some());
        assert_eq!(unclassified!(i64), None);
    }

    #[test]
    #[expect(clippy::needless_borrow, reason = "generated code borrows the same way whatever the type is")]
    fn an_extractor_reports_its_needs_and_nothing_else_does() {
        let mut needs = Needs::default();
        (&&Param::<(), State<u8>>::new()).report(&mut needs);
        (&&Param::<Failed<()>, &'static Meta>::new()).report(&mut needs);
        (&&Param::<(), String>::new()).report(&mut needs);
        assert_eq!(needs.states.len(), 1);
    }

    macro_rules! verdict {
        ($error:expr) => {{
            let error = $error;
            (&&&&&Tag::of(&error)).pick().wrap(error).0.verdict().map(|verdict| format!("{verdict:?}"))
        }};
    }

    #[test]
    fn an_error_is_kept_in_the_way_that_its_type_allows() {
        assert_eq!(verdict!(Classified).as_deref(), Some("Permanent"));
        assert_eq!(verdict!(std::io::Error::other("x")), None);
        assert_eq!(verdict!(anyhow::anyhow!("x")), None);
        assert_eq!(verdict!(Box::<dyn StdError + Send + Sync>::from("x")), None);
        assert_eq!(verdict!(HandlerError::permanent("x")).as_deref(), Some("Permanent"));
    }
}
