//! The rules of an effect.

mod attr;
mod param;

use super::{attr::Attr, model::Effect};
use crate::{
    function::Function,
    mistake::Mistakes,
    signature::{self, Words},
};

const WORDS: Words = Words {
    one: "an effect",
    waits: "its call waits for a provider",
    runs: "it calls a provider, at run time",
    filled: "the call",
    single: "its name stands for one function with one payload",
    once: "one function is one effect, or one consumer: a transaction covers it, or none does; write a second function that \
           calls this one",
    returns: "an effect returns `Result<O, E>`: `Ok` = done, and `O` is recorded and replayed; `Err` = refused, or to be \
              called again",
    output: "Result<(), E>",
};

/// The effect that attribute and function make, with whatever is wrong added to `mistakes`.
pub(super) fn effect<'a>(
    attr: &'a Attr,
    function: &'a Function,
    mistakes: &mut Mistakes,
) -> Option<Effect<'a>> {
    attr::name(attr, mistakes);
    let keyed = attr::keyed(attr, mistakes);
    let timeout = attr::timeout(attr, mistakes);
    let key_lifetime = attr::key_lifetime(attr, timeout, mistakes);
    let attempts = attr::attempts(attr, mistakes);
    WORDS.plain(function, mistakes);
    let params = param::all(&function.sig, mistakes);
    attr::passes_its_key(attr, &function.sig, mistakes);
    let output = WORDS.output(&function.sig, mistakes);
    let (payload, params) = params?;
    let output = output?;
    Some(Effect {
        function,
        krate: &attr.krate,
        marker: attr.marker.as_ref().unwrap_or(&function.sig.ident),
        name: attr.name.as_ref()?,
        keyed,
        timeout,
        attempts,
        key_lifetime,
        resolve: attr.resolve.as_ref(),
        compensate: attr.compensate.as_ref(),
        on_failure: attr.on_failure.as_ref(),
        payload,
        output,
        error: signature::error(output),
        params,
    })
}
