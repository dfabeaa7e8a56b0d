//! An event, all of it checked.

use proc_macro2::Ident;
use syn::{LitStr, Member, Path, Type};

/// A type that gets an `impl Event`.
pub(crate) struct Event<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) krate: Path,
    pub(crate) shape: Shape<'a>,
}

/// What it is.
pub(crate) enum Shape<'a> {
    /// One schema.
    Struct { name: LitStr, version: u32, id: Option<Marked<'a>>, key: Option<Marked<'a>> },
    /// Several, one variant each.
    Enum(Vec<Variant<'a>>),
}

/// A field that is the id or the key.
pub(crate) struct Marked<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
}

/// A variant, and the event it holds.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) event: &'a Type,
}
