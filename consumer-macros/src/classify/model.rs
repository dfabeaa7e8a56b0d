//! An error, all of it checked.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{Generics, Member, Path, Type};

/// A type that gets an `impl Classify`.
pub(crate) struct Failure<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) krate: Path,
    pub(crate) cases: Vec<Case<'a>>,
}

/// One variant of an enum, or the struct.
pub(crate) struct Case<'a> {
    /// None for a struct.
    pub(crate) variant: Option<&'a Ident>,
    pub(crate) says: Says<'a>,
}

/// What a case says about itself.
pub(crate) enum Says<'a> {
    Permanent,
    Transient,
    RetryAfter(Duration),
    /// Ask the error in this field.
    Cause(Cause<'a>),
}

/// A field that holds the cause.
pub(crate) struct Cause<'a> {
    pub(crate) member: Member,
    /// The error's type, without an `Option` around it.
    pub(crate) ty: &'a Type,
    pub(crate) optional: bool,
}
