//! A consumer as its function and its attribute describe it.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{Attribute, LitStr, Path, Type};

use crate::{function::Function, param::Extracted};

/// A consumer, all of it checked.
pub(crate) struct Consumer<'a> {
    pub(crate) function: &'a Function,
    pub(crate) krate: &'a Path,
    /// The name of the type.
    pub(crate) marker: &'a Ident,
    pub(crate) name: &'a LitStr,
    pub(crate) queue: &'a LitStr,
    pub(crate) aliases: &'a [LitStr],
    pub(crate) timeout: Option<Duration>,
    pub(crate) batch: Option<u16>,
    /// The type of the first parameter: an event, or a `Batch` of them.
    pub(crate) input: &'a Type,
    pub(crate) output: &'a Type,
    /// The error's type, or the whole output where an alias hides it.
    pub(crate) error: &'a Type,
    /// The type of a single event's error in a batch, or what hides it.
    pub(crate) failure: &'a Type,
    /// The parameters after the input, as written.
    pub(crate) params: Vec<Param<'a>>,
}

/// A parameter after the input.
pub(crate) struct Param<'a> {
    pub(crate) cfgs: Vec<&'a Attribute>,
    pub(crate) role: Role<'a>,
}

/// What a parameter is for.
pub(crate) enum Role<'a> {
    /// `&mut` of this type, lent from the unit's transaction.
    Connection(&'a Type),
    /// Read from the delivery.
    Extractor(&'a Type),
}

impl<'a> Param<'a> {
    /// Its type, without a connection's `&mut`.
    pub(crate) fn ty(&self) -> &'a Type {
        match self.role {
            Role::Connection(ty) | Role::Extractor(ty) => ty,
        }
    }

    /// Itself, if it is read from the delivery.
    pub(crate) fn extracted(&self) -> Option<Extracted<'a>> {
        match self.role {
            Role::Connection(_) => None,
            Role::Extractor(ty) => Some(Extracted { cfgs: self.cfgs.clone(), ty }),
        }
    }
}

impl<'a> Consumer<'a> {
    /// The type behind the connection's `&mut`.
    pub(crate) fn connection(&self) -> Option<&'a Type> {
        self.params.iter().find_map(|param| match param.role {
            Role::Connection(ty) => Some(ty),
            Role::Extractor(_) => None,
        })
    }
}
