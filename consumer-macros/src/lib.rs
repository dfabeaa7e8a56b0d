//! The macros of the `consumer` crate, which re-exports and documents them.
//!
//! Each is a small compiler in a folder of its own: `attr` reads what the user said, `model` is what it means, `check`
//! holds the rules, `emit` writes the code. A rule that is broken is answered on the user's token, all at once.

use proc_macro::TokenStream;

mod classify;
mod consumer;
mod copied;
mod duration;
mod effect;
mod emit;
mod entries;
mod entry;
mod event;
mod function;
mod krate;
mod lifetime;
mod mistake;
mod name;
mod nearest;
mod param;
#[cfg(test)]
mod pretty;
mod signature;

/// See `consumer::consumer`.
#[proc_macro_attribute]
pub fn consumer(attr: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand(attr.into(), item.into()).into()
}

/// See `consumer::effect`.
#[proc_macro_attribute]
pub fn effect(attr: TokenStream, item: TokenStream) -> TokenStream {
    effect::expand(attr.into(), item.into()).into()
}

/// See `consumer::Event`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).into()
}

/// See `consumer::Classify`.
#[proc_macro_derive(Classify, attributes(classify, source))]
pub fn classify(item: TokenStream) -> TokenStream {
    classify::expand(item.into()).into()
}
