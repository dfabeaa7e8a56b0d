//! The rules of the parameters: the event first, one connection, extractors.

use syn::{Error, PatType, Signature, Type};

use super::super::model::{Param, Role};
use crate::{
    mistake::Mistakes,
    param::{
        always, cfgs, extractor_by_value, is, is_connection, is_extractor, is_mut, is_pool, named, peel,
        reference_of, typed,
    },
};

/// What only an effect has.
const OF_EFFECTS: &[&str] = &["IdempotencyKey", "RequestBody"];

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
    if is(&first.ty, &["Batch"]) {
        rest.iter().for_each(|arg| of_one_event(&arg.ty, mistakes));
    }
    let params: Vec<_> = rest.into_iter().map(|arg| param(arg, mistakes)).collect();
    one_connection(&params, first, mistakes);
    Some((&first.ty, params))
}

/// The first parameter: an event by value, or one of the things it is confused with.
fn event(first: &PatType, rest: &[&PatType], mistakes: &mut Mistakes) {
    always(first, "event", "the consumer", mistakes);
    let ty = &*first.ty;
    let lent_later = rest.iter().any(|arg| is_mut(&arg.ty));
    let out_of_order = is_connection(ty) || is_extractor(ty) || is_mut(ty) && !lent_later;
    if is_pool(ty) {
        pool(ty, mistakes);
    } else if out_of_order && !rest.is_empty() {
        let text = "the event is the first parameter: everything else is read for it or lent to it; \
                    put the event before this one";
        mistakes.add(ty, text);
    } else if out_of_order && (is_connection(ty) || is_extractor(ty)) {
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
    let ty = &*arg.ty;
    let role = match ty {
        Type::Reference(reference) if reference.mutability.is_some() && !is_extractor(ty) => {
            always(arg, "connection", "the consumer", mistakes);
            Role::Connection(&reference.elem)
        }
        other => Role::Extractor(other),
    };
    if is_pool(ty) {
        pool(ty, mistakes);
    } else if is_connection(ty) && !is_mut(ty) {
        let text = "the connection is taken by `&mut`: it is lent for this call, and statements need it mutably; \
                    write `&mut` before the type";
        mistakes.add(ty, text);
    } else if is(peel(ty), OF_EFFECTS) {
        let text = "a consumer is called with no idempotency key: what it does is in its transaction, whose claim keeps it \
                    from being done twice; call a provider in an `#[effect]`, which has a key";
        mistakes.add(ty, text);
    } else if is_extractor(ty) {
        extractor_by_value(ty, mistakes);
    } else {
        named(ty, mistakes);
    }
    Param { cfgs: cfgs(arg), role }
}

/// What speaks of one event, and what a batch has in its place.
const OF_ONE_EVENT: &[(&str, &str)] = &[
    (
        "Meta",
        "a batch has no envelope of its own: each of its events has one; remove this parameter, and call `item.meta()`",
    ),
    (
        "Outbox",
        "a batch publishes for one of its events at a time: what leaves names the event that caused it; take \
         `outbox: BatchOutbox<'_>`, and write `outbox.of(&item).publish(…)`",
    ),
    (
        "Effects",
        "a batch schedules for one of its events at a time: the key of a call is made from the event's id; take \
         `effects: BatchEffects<'_>`, and write `effects.of(&item).schedule::<…>(…)`",
    ),
    (
        "Completed",
        "a batch takes no `Completed`: such an effect runs before the transaction of its event, and all the others would wait \
         for its provider; take one event, or schedule the effect with `BatchEffects<'_>`",
    ),
];

/// A parameter that has no meaning beside a batch.
fn of_one_event(ty: &Type, mistakes: &mut Mistakes) {
    let text = OF_ONE_EVENT.iter().find(|(name, _)| is(peel(ty), &[name]));
    text.into_iter().for_each(|(_, text)| mistakes.add(ty, *text));
}

fn one_connection(params: &[Param<'_>], first: &PatType, mistakes: &mut Mistakes) {
    let lent = params.iter().filter_map(|param| match param.role {
        Role::Connection(ty) if !is_pool(ty) => Some(ty),
        _ => None,
    });
    let before = usize::from(is_mut(&first.ty) && is_connection(&first.ty));
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
