//! The rules of an effect.

mod attr;
mod param;

use syn::Type;

use super::{attr::Attr, model::Effect};
use crate::{
    function::Function,
    mistake::Mistakes,
    param::is,
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

/// Types that are no `Result` under any alias; of all others the compiler knows.
const NO_RESULTS: &[&str] = &[
    "Option", "String", "Vec", "bool", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
    "u64", "u128", "usize", "Uuid", "Value",
];

fn result<'a>(output: &'a Type, mistakes: &mut Mistakes) -> Option<&'a Type> {
    if matches!(output, Type::Path(_) | Type::Macro(_)) && !is(output, NO_RESULTS) {
        return Some(output);
    }
    mistakes.add(output, format!("{}; write `-> Result<…, E>`", WORDS.returns));
    None
}

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
    let output = WORDS.output(&function.sig, mistakes).and_then(|output| result(output, mistakes));
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
