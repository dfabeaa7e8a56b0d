//! `#[derive(Classify)]`: an error that says what should become of the message it failed on.

mod attr;
mod check;
mod emit;
mod model;
#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;

use crate::mistake::Mistakes;

/// The `impl Classify`, or what is wrong with the item.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Some(input) = mistakes.ok(syn::parse2(item)) else { return mistakes.into_tokens() };
    match check::error(&input, &mut mistakes) {
        Some(error) if mistakes.is_empty() => emit::error(&error),
        _ => mistakes.into_tokens(),
    }
}
