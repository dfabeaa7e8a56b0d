//! The rules of a consumer.

mod attr;
mod param;

use super::{attr::Attr, model::Consumer};
use crate::{
    function::Function,
    mistake::Mistakes,
    signature::{self, Words},
};

const WORDS: Words = Words {
    one: "a consumer",
    waits: "its statements wait for the database",
    runs: "it works on a database, at run time",
    filled: "the delivery",
    single: "it is one consumer of one queue",
    once: "one function is one consumer of one queue: its name is the scope of deduplication; write a second function that \
           calls this one",
    returns: "a consumer returns `Result<(), E>`: `Ok` = decided, the unit commits; `Err` = could not decide, it rolls back",
    output: "Result<(), E>",
};

/// The consumer that attribute and function make, with whatever is wrong added to `mistakes`.
pub(super) fn consumer<'a>(
    attr: &'a Attr,
    function: &'a Function,
    mistakes: &mut Mistakes,
) -> Option<Consumer<'a>> {
    attr::names(attr, mistakes);
    let timeout = attr::timeout(attr, mistakes);
    let batch = attr::batch(attr, mistakes);
    WORDS.plain(function, mistakes);
    let params = param::all(&function.sig, mistakes);
    let output = WORDS.output(&function.sig, mistakes);
    let (input, params) = params?;
    let output = output?;
    let name = attr.name.as_ref()?;
    Some(Consumer {
        function,
        krate: &attr.krate,
        marker: attr.marker.as_ref().unwrap_or(&function.sig.ident),
        name,
        queue: attr.queue.as_ref().unwrap_or(name),
        aliases: &attr.aliases,
        timeout,
        batch,
        input,
        output,
        error: signature::error(output),
        failure: signature::failure(output),
        params,
    })
}
