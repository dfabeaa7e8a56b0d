//! The rules of a consumer.

use syn::{FnArg, ReturnType, Type};

use super::{
    attr::Attr,
    model::{Consumer, Function, Param, Role},
};
use crate::{duration, mistake::Mistakes};

/// The consumer that attribute and function make, with whatever is wrong added to `mistakes`.
pub(crate) fn consumer<'a>(
    attr: &'a Attr,
    function: &'a Function,
    mistakes: &mut Mistakes,
) -> Option<Consumer<'a>> {
    let timeout = attr.timeout.as_ref().and_then(|text| duration::parse(&text.value()));
    let mut inputs = function.sig.inputs.iter();
    let event = match inputs.next() {
        Some(FnArg::Typed(event)) => &*event.ty,
        _ => return None,
    };
    let params = inputs.filter_map(|arg| match arg {
        FnArg::Typed(arg) => {
            let role = match &*arg.ty {
                Type::Reference(reference) if reference.mutability.is_some() => {
                    Role::Connection(&reference.elem)
                }
                other => Role::Extractor(other),
            };
            let cfgs = arg
                .attrs
                .iter()
                .filter(|a| a.path().is_ident("cfg") || a.path().is_ident("cfg_attr"))
                .collect();
            Some(Param { cfgs, role })
        }
        FnArg::Receiver(_) => None,
    });
    let output = match &function.sig.output {
        ReturnType::Type(_, ty) => &**ty,
        ReturnType::Default => {
            mistakes.add(&function.sig.ident, "return type");
            return None;
        }
    };
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
        params: params.collect(),
    })
}
