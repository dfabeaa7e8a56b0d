//! A parameter as it is written: what its type looks like, and what no parameter may be.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, FnArg, PatType, Type, TypeReference};

use crate::mistake::Mistakes;

/// A parameter that is read from the context of a call.
pub(crate) struct Extracted<'a> {
    pub(crate) cfgs: Vec<&'a Attribute>,
    pub(crate) ty: &'a Type,
}

const CONNECTIONS: &[&str] = &[
    "PgConnection",
    "MySqlConnection",
    "SqliteConnection",
    "Transaction",
    "PgTransaction",
    "MySqlTransaction",
    "SqliteTransaction",
];
const POOLS: &[&str] = &["Pool", "PgPool", "MySqlPool", "SqlitePool", "AnyPool", "PoolConnection"];
const EXTRACTORS: &[&str] = &[
    "Meta",
    "State",
    "Outbox",
    "Effects",
    "BatchOutbox",
    "BatchEffects",
    "Completed",
    "IdempotencyKey",
    "RequestBody",
];
/// Extractors that lend out what they read, too.
const LENT: &[&str] = &["Meta", "IdempotencyKey"];

/// All but `self`.
pub(crate) fn typed(arg: &FnArg) -> Option<&PatType> {
    match arg {
        FnArg::Typed(arg) => Some(arg),
        FnArg::Receiver(_) => None,
    }
}

pub(crate) fn is_connection(ty: &Type) -> bool {
    is(peel(ty), CONNECTIONS)
}

pub(crate) fn is_pool(ty: &Type) -> bool {
    is(peel(ty), POOLS)
}

pub(crate) fn is_extractor(ty: &Type) -> bool {
    is(peel(ty), EXTRACTORS)
}

/// An extractor behind a reference that it is not lent by.
pub(crate) fn extractor_by_value(ty: &Type, mistakes: &mut Mistakes) {
    let Type::Reference(reference) = ty else { return };
    if reference.mutability.is_some() || !is(&reference.elem, LENT) {
        let text = "an extractor is taken by value: it was read for this call and belongs to it; remove the reference";
        mistakes.add(reference_of(reference), text);
    }
}

/// What the function is made of cannot come and go.
pub(crate) fn always(arg: &PatType, what: &str, whose: &str, mistakes: &mut Mistakes) {
    for attr in arg.attrs.iter().filter(|attr| is_cfg(attr)) {
        let text = format!(
            "the {what} is there in every build: it decides what {whose} is; put the `cfg` on a type alias and take that, \
             or on the whole function"
        );
        mistakes.add(attr, text);
    }
}

/// The conditions of a parameter.
pub(crate) fn cfgs(arg: &PatType) -> Vec<&Attribute> {
    arg.attrs.iter().filter(|attr| is_cfg(attr)).collect()
}

/// No `impl Trait`.
pub(crate) fn named(ty: &Type, mistakes: &mut Mistakes) {
    if matches!(peel(ty), Type::ImplTrait(_)) {
        let text = "a parameter's type is named: it says what to read from the delivery; write the type out";
        mistakes.add(ty, text);
    }
}

fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")
}

pub(crate) fn is_mut(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}

/// The type without references.
pub(crate) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Reference(reference) => peel(&reference.elem),
        other => other,
    }
}

/// Whether the last word of a type's path is one of these. An alias goes by its own name: then the compiler asks the
/// traits instead.
pub(crate) fn is(ty: &Type, names: &[&str]) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// The `&` or `&mut` alone.
pub(crate) fn reference_of(reference: &TypeReference) -> TokenStream {
    let mut tokens = reference.and_token.to_token_stream();
    reference.mutability.to_tokens(&mut tokens);
    tokens
}
