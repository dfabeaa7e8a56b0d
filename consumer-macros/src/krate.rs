//! The path of the `consumer` crate, which `crate = …` changes.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Path, parse_quote};

use crate::{entries::Entries, mistake::Mistakes};

/// The path that generated code starts from.
pub(crate) fn path(entries: &Entries, mistakes: &mut Mistakes) -> Path {
    let given = entries.get("crate").and_then(|entry| mistakes.ok(entry.path("my_reexport::consumer")));
    given.unwrap_or_else(|| parse_quote!(::consumer))
}

/// The same tokens, pointing elsewhere: an error about them shows there.
pub(crate) fn at(span: Span, tokens: impl ToTokens) -> TokenStream {
    tokens.into_token_stream().into_iter().map(|tree| moved(span, tree)).collect()
}

fn moved(span: Span, tree: TokenTree) -> TokenTree {
    let mut tree = match tree {
        TokenTree::Group(group) => TokenTree::Group(Group::new(group.delimiter(), at(span, group.stream()))),
        other => other,
    };
    tree.set_span(span);
    tree
}
