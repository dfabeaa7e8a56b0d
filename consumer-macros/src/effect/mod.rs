//! `#[effect]`: a plain `async fn` that calls a provider, and beside it a type of its name that the runtime can call.

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

const NO_FUNCTION: &str = "`#[effect]` goes on a free `async fn`: an effect is one function, which its tests can call; move \
                           the attribute to it";

/// The user's function as it was, and the effect or what is wrong with it.
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
    let effect = check::effect(&attr, &function, &mut mistakes);
    match effect {
        Some(effect) if mistakes.is_empty() => emit::effect(&effect),
        effect => {
            let uncalled = effect.as_ref().map(emit::uncalled);
            let mut stub = stub(&attr.krate, attr.marker.as_ref(), &function, mistakes);
            stub.extend(uncalled);
            stub
        }
    }
}
