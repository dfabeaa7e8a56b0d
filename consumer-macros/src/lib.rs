//! The macros of the `consumer` crate.

use proc_macro::TokenStream;

/// A consumer.
#[proc_macro_attribute]
pub fn consumer(_attr: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// An event.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(_item: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// A classified error.
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(_item: TokenStream) -> TokenStream {
    TokenStream::new()
}
