//! The rules of a consumer.

mod attr;
mod param;
mod signature;

use super::{
    attr::Attr,
    model::{Consumer, Function},
};
use crate::mistake::Mistakes;

/// The consumer that attribute and function make, with whatever is wrong added to `mistakes`.
pub(super) fn consumer<'a>(
    attr: &'a Attr,
    function: &'a Function,
    mistakes: &mut Mistakes,
) -> Option<Consumer<'a>> {
    attr::names(attr, mistakes);
    let timeout = attr::timeout(attr, mistakes);
    signature::plain(&function.sig, mistakes);
    signature::once(function, mistakes);
    let params = param::all(&function.sig, mistakes);
    let output = signature::output(&function.sig, mistakes);
    let (event, params) = params?;
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
        event,
        output,
        error: signature::error(output),
        params,
    })
}
