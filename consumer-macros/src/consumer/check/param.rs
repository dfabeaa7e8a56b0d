//! The rules of the parameters: the event first, one connection, extractors.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Error, FnArg, PatType, Signature, Type, TypeReference};

use super::super::model::{Param, Role};
use crate::mistake::Mistakes;

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
const EXTRACTORS: &[&str] = &["Meta", "State"];

/// The event's type and the parameters after it.
pub(super) fn all<'a>(sig: &'a Signature, mistakes: &mut Mistakes) -> Option<(&'a Type, Vec<Param<'a>>)> {
    if let Some(receiver) = sig.receiver() {
        let text = "a consumer is a free function: nobody would have a `self` to call it with; move it out of the \
                    `impl`, and take what it needs as `State<T>`";
        mistakes.add(receiver, text);
        return None;
    }
    let mut args = sig.inputs.iter().filter_map(typed);
    let Some(first) = args.next() else {
        let text = "a consumer takes its event: that is what it consumes; write `event: YourEvent` as first parameter";
        mistakes.push(Error::new(sig.paren_token.span.join(), text));
        return None;
    };
    let rest: Vec<_> = args.collect();
    event(first, &rest, mistakes);
    let params: Vec<_> = rest.into_iter().map(|arg| param(arg, mistakes)).collect();
    one_connection(&params, first, mistakes);
    Some((&first.ty, params))
}

fn typed(arg: &FnArg) -> Option<&PatType> {
    match arg {
        FnArg::Typed(arg) => Some(arg),
        FnArg::Receiver(_) => None,
    }
}

/// The first parameter: an event by value, or one of the things it is confused with.
fn event(first: &PatType, rest: &[&PatType], mistakes: &mut Mistakes) {
    always(first, "event", mistakes);
    let ty = &*first.ty;
    let lent_later = rest.iter().any(|arg| is_mut(&arg.ty));
    let out_of_order = is(peel(ty), CONNECTIONS) || is(peel(ty), EXTRACTORS) || is_mut(ty) && !lent_later;
    if is(peel(ty), POOLS) {
        pool(ty, mistakes);
    } else if out_of_order && !rest.is_empty() {
        let text = "the event is the first parameter: everything else is read for it or lent to it; \
                    put the event before this one";
        mistakes.add(ty, text);
    } else if out_of_order && (is(peel(ty), CONNECTIONS) || is(peel(ty), EXTRACTORS)) {
        let text =
            "a consumer takes its event: that is what it consumes; write `event: YourEvent` before this one";
        mistakes.add(ty, text);
    } else if let Type::Reference(reference) = ty {
        let text = "the event is taken by value: it was decoded for this call and belongs to it; remove the reference";
        mistakes.add(reference_of(reference), text);
    } else {
        named(ty, mistakes);
    }
}

/// A later parameter: a connection if it is `&mut`, else an extractor.
fn param<'a>(arg: &'a PatType, mistakes: &mut Mistakes) -> Param<'a> {
    let cfgs = arg.attrs.iter().filter(|attr| is_cfg(attr)).collect();
    let ty = peel(&arg.ty);
    let role = match &*arg.ty {
        Type::Reference(reference) if reference.mutability.is_some() && !is(ty, EXTRACTORS) => {
            always(arg, "connection", mistakes);
            Role::Connection(&reference.elem)
        }
        other => Role::Extractor(other),
    };
    if is(ty, POOLS) {
        pool(&arg.ty, mistakes);
    } else if is(ty, CONNECTIONS) && !is_mut(&arg.ty) {
        let text = "the connection is taken by `&mut`: it is lent for this call, and statements need it mutably; \
                    write `&mut` before the type";
        mistakes.add(&arg.ty, text);
    } else if let (Role::Extractor(Type::Reference(reference)), true) = (&role, is(ty, EXTRACTORS)) {
        extractor(reference, mistakes);
    } else {
        named(&arg.ty, mistakes);
    }
    Param { cfgs, role }
}

fn extractor(reference: &TypeReference, mistakes: &mut Mistakes) {
    let is_shared_meta = is(&reference.elem, &["Meta"]) && reference.mutability.is_none();
    if !is_shared_meta {
        let text = "an extractor is taken by value: it was read for this call and belongs to it; remove the reference";
        mistakes.add(reference_of(reference), text);
    }
}

fn one_connection(params: &[Param<'_>], first: &PatType, mistakes: &mut Mistakes) {
    let lent = params.iter().filter_map(|param| match param.role {
        Role::Connection(ty) if !is(ty, POOLS) => Some(ty),
        _ => None,
    });
    let before = usize::from(is_mut(&first.ty) && is(peel(&first.ty), CONNECTIONS));
    for second in lent.skip(1 - before) {
        let text = "a consumer takes one connection: it is the one whose transaction holds the claim, and there is no \
                    other; remove this parameter";
        mistakes.add(second, text);
    }
}

fn pool(ty: &Type, mistakes: &mut Mistakes) {
    let text = "a consumer takes the connection of its transaction, not a pool: what goes through a pool commits apart \
                from the claim, and stays when the unit rolls back; write `conn: &mut PgConnection` (or \
                `MySqlConnection`, `SqliteConnection`)";
    mistakes.add(ty, text);
}

/// Event and connection decide what the consumer is: they cannot come and go.
fn always(arg: &PatType, what: &str, mistakes: &mut Mistakes) {
    for attr in arg.attrs.iter().filter(|attr| is_cfg(attr)) {
        let text = format!(
            "the {what} is there in every build: it decides what the consumer is; put the `cfg` on a type alias and \
             take that, or on the whole function"
        );
        mistakes.add(attr, text);
    }
}

fn named(ty: &Type, mistakes: &mut Mistakes) {
    if matches!(peel(ty), Type::ImplTrait(_)) {
        let text = "a parameter's type is named: it says what to read from the delivery; write the type out";
        mistakes.add(ty, text);
    }
}

fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")
}

fn is_mut(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}

/// The type without references.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Reference(reference) => peel(&reference.elem),
        other => other,
    }
}

/// Whether the last word of a type's path is one of these. An alias goes by its own name: then the compiler asks the
/// traits instead.
fn is(ty: &Type, names: &[&str]) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// The `&` or `&mut` alone.
fn reference_of(reference: &TypeReference) -> TokenStream {
    let mut tokens = reference.and_token.to_token_stream();
    reference.mutability.to_tokens(&mut tokens);
    tokens
}
