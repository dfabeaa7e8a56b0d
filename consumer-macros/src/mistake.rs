//! Mistakes: everything that is wrong with one item, each on its token.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Error;

/// What has been found so far. Checks add to it and go on, so that a user sees all mistakes at once.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    /// Adds one: the rule, the reason, the remedy.
    pub(crate) fn add(&mut self, at: impl ToTokens, text: impl Into<String>) {
        self.push(Error::new_spanned(at, text.into()));
    }

    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// The value, or one more mistake.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// One `compile_error!` for each.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.map(|all| all.to_compile_error()).unwrap_or_default()
    }
}
