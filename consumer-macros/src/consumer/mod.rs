//! `#[consumer]`: a plain `async fn`, and beside it a type of its name that the runtime can call.

mod attr;
mod check;
mod emit;
mod model;
#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;

use self::{attr::Attr, model::Function};
use crate::mistake::Mistakes;

/// The user's function as it was, and the consumer or what is wrong with it.
pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let attr = Attr::parse(attr, &mut mistakes);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            mistakes.push(error);
            return emit::refused(item, mistakes);
        }
    };
    match check::consumer(&attr, &function, &mut mistakes) {
        Some(consumer) if mistakes.is_empty() => emit::consumer(&consumer),
        _ => emit::stub(&attr, &function, mistakes),
    }
}
