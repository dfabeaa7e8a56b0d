//! An effect as its function and its attribute describe it.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{LitStr, Path, Type};

use crate::{function::Function, param::Extracted};

/// An effect, all of it checked.
pub(crate) struct Effect<'a> {
    pub(crate) function: &'a Function,
    pub(crate) krate: &'a Path,
    /// The name of the type.
    pub(crate) marker: &'a Ident,
    pub(crate) name: &'a LitStr,
    /// Whether the provider honours keys.
    pub(crate) keyed: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempts: Option<u32>,
    pub(crate) key_lifetime: Option<Duration>,
    /// The function that asks the provider.
    pub(crate) resolve: Option<&'a Path>,
    /// The effect that undoes it.
    pub(crate) compensate: Option<&'a Path>,
    /// The consumer that is told when it failed.
    pub(crate) on_failure: Option<&'a Path>,
    pub(crate) payload: Payload<'a>,
    pub(crate) output: &'a Type,
    /// The error's type, or the whole output where an alias hides it.
    pub(crate) error: &'a Type,
    /// The parameters after the payload, as written.
    pub(crate) params: Vec<Extracted<'a>>,
}

/// The first parameter.
pub(crate) struct Payload<'a> {
    /// Its type, without the reference.
    pub(crate) ty: &'a Type,
    /// Whether it is taken by reference.
    pub(crate) lent: bool,
}
