//! The macros of the `consumer` crate.

use proc_macro::TokenStream;

mod classify;
mod consumer;
mod copied;
mod duration;
mod entries;
mod entry;
mod event;
mod krate;
mod lifetime;
mod mistake;
mod nearest;

/// A consumer.
#[proc_macro_attribute]
pub fn consumer(attr: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand(attr.into(), item.into()).into()
}

/// An event.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).into()
}

/// A classified error.
#[proc_macro_derive(Classify, attributes(classify, source))]
pub fn classify(item: TokenStream) -> TokenStream {
    classify::expand(item.into()).into()
}
