//! Extractors: parameters of a handler that are read from the delivery.

use std::any::{TypeId, type_name};

use super::{Context, HandlerError, Meta};

/// A parameter of a handler, beside its event and its connection.
///
/// Implement it for what several handlers derive from a delivery, such as a tenant from a header:
///
/// ```
/// use consumer_core::handler::{Context, Extract, HandlerError};
///
/// struct Tenant(String);
///
/// impl<'a, In> Extract<'a, In> for Tenant {
///     fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
///         let tenant = cx.meta().headers().text("x-tenant");
///         tenant.map(|t| Tenant(t.to_owned())).ok_or_else(|| HandlerError::permanent("the header `x-tenant` is missing"))
///     }
/// }
/// ```
///
/// It is synchronous on purpose: whatever waits here would wait inside the transaction.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be extracted from a delivery of `{In}`",
    label = "not an extractor",
    note = "an extractor is `State<T>` for what `App::state` was given, `Meta` or `&Meta` for the envelope, or a type of \
            your own that implements `Extract`; a `State` of axum is another type than `consumer::State`",
    note = "a consumer takes one event, its first parameter: derive `Event` on an enum for several types"
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

impl<'a, In> Extract<'a, In> for Meta {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(cx.meta().clone())
    }
}

impl<'a, In> Extract<'a, In> for &'a Meta {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(cx.meta())
    }
}

/// What the parameters of one handler ask of the app.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub(crate) states: Vec<(TypeId, &'static str)>,
    pub(crate) unclassified_error: Option<&'static str>,
}

impl Needs {
    /// Asks for a state of type `T`.
    pub fn state<T: 'static>(&mut self) {
        let id = TypeId::of::<T>();
        if !self.states.iter().any(|&(known, _)| known == id) {
            self.states.push((id, type_name::<T>()));
        }
    }

    /// Says that the handler's error type leaves its classes to the defaults.
    pub fn unclassified_error(&mut self, name: &'static str) {
        self.unclassified_error = Some(name);
    }
}
