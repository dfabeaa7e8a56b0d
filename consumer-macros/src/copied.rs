//! Attributes of a function that its type needs too.

use syn::{Attribute, Meta, Token, punctuated::Punctuated};

const COPIED: &[&str] = &["allow", "cfg", "deprecated", "doc"];

/// Those that document it, switch it off, or silence a lint about it.
pub(crate) fn attrs(attrs: &[Attribute]) -> Vec<Attribute> {
    pick(attrs, COPIED)
}

/// Those that switch it off.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    pick(attrs, &["cfg"])
}

fn pick(attrs: &[Attribute], names: &[&str]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| wanted(&attr.meta, names)).cloned().collect()
}

/// A `cfg_attr` is wanted if all it can become is.
fn wanted(meta: &Meta, names: &[&str]) -> bool {
    if !meta.path().is_ident("cfg_attr") {
        return names.iter().any(|name| meta.path().is_ident(name));
    }
    let Meta::List(list) = meta else { return false };
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return false;
    };
    parts.iter().skip(1).all(|part| wanted(part, names))
}
