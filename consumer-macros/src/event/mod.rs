//! `#[derive(Event)]`: a struct with a name and a version, or an enum of such structs.

mod attr;
mod check;
mod emit;
mod model;
#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;

use crate::mistake::Mistakes;

/// The `impl Event`, or what is wrong with the item.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Some(input) = mistakes.ok(syn::parse2(item)) else { return mistakes.into_tokens() };
    match check::event(&input, &mut mistakes) {
        Some(event) if mistakes.is_empty() => emit::event(&event),
        _ => emit::stub(&input, mistakes),
    }
}
