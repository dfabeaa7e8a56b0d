//! The rules of the parameters: the payload first, then extractors; no connection.

use syn::{Error, Lifetime, PatType, Signature, Type, TypeFnPtr, TypeReference, visit_mut::VisitMut};

use super::super::model::Payload;
use crate::{
    mistake::Mistakes,
    param::{
        Extracted, always, cfgs, extractor_by_value, is, is_connection, is_extractor, is_mut, is_pool, named,
        peel, typed,
    },
};

const NO_TRANSACTION: &str = "an effect has no transaction: it runs before or after the one of its event, and may run again; \
                              do this in a consumer, which can take what the effect returns as `Completed<effect>`";

/// The payload and the parameters after it.
pub(super) fn all<'a>(
    sig: &'a Signature,
    mistakes: &mut Mistakes,
) -> Option<(Payload<'a>, Vec<Extracted<'a>>)> {
    if let Some(receiver) = sig.receiver() {
        let text = "an effect is a free function: nobody would have a `self` to call it with; move it out of the `impl`, \
                    and take what it needs as `State<T>`";
        mistakes.add(receiver, text);
        return None;
    }
    let mut args = sig.inputs.iter().filter_map(typed);
    let Some(first) = args.next() else {
        let text = "an effect takes its payload: the ledger keeps it for every call; write `payload: YourRequest` as first \
                    parameter, or `_: ()` if there is nothing to say";
        mistakes.push(Error::new(sig.paren_token.span.join(), text));
        return None;
    };
    let payload = payload(first, mistakes);
    let params = args.map(|arg| param(arg, mistakes)).collect();
    Some((payload?, params))
}

/// The first parameter, by value or by reference, or one of the things it is confused with.
fn payload<'a>(first: &'a PatType, mistakes: &mut Mistakes) -> Option<Payload<'a>> {
    always(first, "payload", "the effect", mistakes);
    let ty = &*first.ty;
    let (owned, lent) = match ty {
        Type::Reference(reference) => (&*reference.elem, true),
        other => (other, false),
    };
    if is_pool(ty) {
        pool(ty, mistakes);
    } else if is_connection(ty) || is(peel(ty), SENDING) {
        mistakes.add(ty, NO_TRANSACTION);
    } else if is_extractor(ty) {
        let text = "the payload is the first parameter: everything else is read for its call; put the payload before this \
                    one";
        mistakes.add(ty, text);
    } else if let Some(text) = no_payload(ty) {
        mistakes.add(ty, text);
    } else if matches!(peel(ty), Type::ImplTrait(_)) {
        let text = "the payload's type is named: the ledger reads it back; write the type out";
        mistakes.add(ty, text);
    } else {
        return Some(Payload { ty: owned, lent });
    }
    None
}

/// Why this is no payload that the ledger could read back.
fn no_payload(ty: &Type) -> Option<&'static str> {
    let Type::Reference(reference) = ty else {
        return borrows(ty).then_some(
            "the payload owns what it holds: the ledger reads it back for every call; give the type `String` for `&str` and \
             the like",
        );
    };
    if reference.mutability.is_some() {
        return Some(
            "the payload is the same at every call: the ledger keeps it; take it by value or by `&`, and remove `mut`",
        );
    }
    let unsized_or_borrowed = match &*reference.elem {
        Type::Slice(_) | Type::Reference(_) | Type::TraitObject(_) => true,
        elem => is(elem, &["str"]) || borrows(elem),
    };
    if unsized_or_borrowed {
        return Some(
            "the payload owns what it holds: the ledger reads it back for every call; take `String` for `&str`, and \
             `Vec<T>` for `&[T]`",
        );
    }
    let is_static = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
    is_static.then_some("the payload is lent for one call: nothing lends it for longer; remove the lifetime")
}

/// Whether there is something in the type that is not its own. A lifetime of the function's has its answer already.
fn borrows(ty: &Type) -> bool {
    struct Found(bool);
    impl VisitMut for Found {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            self.0 |= lifetime.ident == "_";
        }
        fn visit_type_reference_mut(&mut self, _: &mut TypeReference) {
            self.0 = true;
        }
        fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}
    }
    let mut found = Found(false);
    found.visit_type_mut(&mut ty.clone());
    found.0
}

const NO_KEY_AT_TIMES: &str = "the key is there in every build: where it is missing, a repeated call is done twice; put the \
                               `cfg` on the whole function";

/// What sends with a transaction.
const SENDING: &[&str] = &["Outbox", "Effects", "BatchOutbox", "BatchEffects"];

/// A later parameter: an extractor.
fn param<'a>(arg: &'a PatType, mistakes: &mut Mistakes) -> Extracted<'a> {
    let ty = &*arg.ty;
    if is(peel(ty), &["IdempotencyKey"]) {
        cfgs(arg).into_iter().for_each(|attr| mistakes.add(attr, NO_KEY_AT_TIMES));
    }
    if is_pool(ty) {
        pool(ty, mistakes);
    } else if is_connection(ty) || is(peel(ty), SENDING) || is_mut(ty) && !is_extractor(ty) {
        mistakes.add(ty, NO_TRANSACTION);
    } else if is_extractor(ty) {
        extractor_by_value(ty, mistakes);
    } else {
        named(ty, mistakes);
    }
    Extracted { cfgs: cfgs(arg), ty }
}

fn pool(ty: &Type, mistakes: &mut Mistakes) {
    let text = "an effect is lent no pool: the runtime's own connections are for transactions; give yours to the app, and \
                take it as `State<PgPool>` (or `MySqlPool`, `SqlitePool`)";
    mistakes.add(ty, text);
}
