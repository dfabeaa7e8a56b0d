//! Generated code as a person would write it, for the snapshots.

use proc_macro2::TokenStream;

/// The code, formatted.
pub(crate) fn pretty(code: TokenStream) -> String {
    let file = syn::parse2(code).expect("generated code is Rust");
    prettyplease::unparse(&file)
}
