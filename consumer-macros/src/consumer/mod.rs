//! `#[consumer]`: a plain `async fn`, and beside it a type of its name that the runtime can call.

mod attr;
mod check;
mod emit;
mod model;
#[cfg(test)]
mod snapshots;

use proc_macro2::TokenStream;

use self::attr::Attr;
use crate::{
    emit::{refused, stub},
    function::Function,
    mistake::Mistakes,
};

const NO_FUNCTION: &str = "`#[consumer]` goes on a free `async fn`: a consumer is one function, which its tests can call; \
                           move the attribute to it";

/// The user's function as it was, and the consumer or what is wrong with it.
pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let attr = Attr::parse(attr, &mut mistakes);
    let function = match Function::read(item.clone(), NO_FUNCTION) {
        Ok(function) => function,
        Err(error) => {
            mistakes.push(error);
            return refused(item, mistakes);
        }
    };
    match check::consumer(&attr, &function, &mut mistakes) {
        Some(consumer) if mistakes.is_empty() => emit::consumer(&consumer),
        _ => stub(&attr.krate, attr.marker.as_ref(), &function, mistakes),
    }
}
