//! The code of an event.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, LitStr, spanned::Spanned};

use super::model::{Event, Marked, Shape, Variant};
use crate::{krate, mistake::Mistakes};

/// The `impl Event`.
pub(crate) fn event(event: &Event<'_>) -> TokenStream {
    let (ident, krate) = (event.ident, &event.krate);
    let private = quote!(#krate::__private);
    let body = match &event.shape {
        Shape::Struct { name, version, id, key } => structure(&private, ident, (name, *version), id, key),
        Shape::Enum(variants) => enumeration(&private, ident, variants),
    };
    quote! {
        #[automatically_derived]
        impl #private::Event for #ident {
            #body
        }
    }
}

/// The mistakes alone, and silence about what is missing because of them.
pub(crate) fn stub(_input: &DeriveInput, mistakes: Mistakes) -> TokenStream {
    mistakes.into_tokens()
}

fn structure(
    private: &TokenStream,
    ident: &Ident,
    (name, version): (&LitStr, u32),
    id: &Option<Marked<'_>>,
    key: &Option<Marked<'_>>,
) -> TokenStream {
    let here = krate::at(ident.span(), private);
    let read = quote_spanned!(ident.span()=> #here::decode_json::<Self>(__data));
    let write = quote_spanned!(ident.span()=> #here::encode_json::<Self>(self));
    let id = id.as_ref().map(|field| text_of(private, "id", field));
    let keyed = key.is_some();
    let key = key.as_ref().map(|field| text_of(private, "key", field));
    quote! {
        const TYPES: &'static [#private::EventType] =
            &[#private::EventType { name: #name, version: #version }];
        const KEYED: bool = #keyed;

        fn decode(
            _: #private::EventType,
            __data: &[u8],
        ) -> #private::std::result::Result<Self, #private::DecodeError> {
            #read
        }

        fn encode(
            &self,
        ) -> #private::std::result::Result<#private::std::vec::Vec<u8>, #private::EncodeError> {
            #write
        }

        fn event_type(&self) -> #private::EventType {
            #private::EventType { name: #name, version: #version }
        }

        #id
        #key
    }
}

fn text_of(private: &TokenStream, method: &str, field: &Marked<'_>) -> TokenStream {
    let method = Ident::new(method, proc_macro2::Span::call_site());
    let Marked { member, ty } = field;
    let here = krate::at(ty.span(), private);
    let text = quote_spanned!(ty.span()=> <#ty as #here::Text>::text(&self.#member));
    quote! {
        fn #method(&self) -> #private::std::option::Option<#private::std::borrow::Cow<'_, str>> {
            #private::std::option::Option::Some(#text)
        }
    }
}

fn enumeration(private: &TokenStream, ident: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let events: Vec<_> = variants
        .iter()
        .map(|Variant { event, .. }| {
            let here = krate::at(event.span(), private);
            quote_spanned!(event.span()=> <#event as #here::Event>)
        })
        .collect();
    let idents: Vec<_> = variants.iter().map(|variant| variant.ident).collect();
    let each = |method: &str| {
        let method = Ident::new(method, proc_macro2::Span::call_site());
        quote! { match self { #(Self::#idents(__event) => #events::#method(__event),)* } }
    };
    let (encode, event_type, id, key) = (each("encode"), each("event_type"), each("id"), each("key"));
    let here = krate::at(ident.span(), private);
    let types = quote_spanned! {ident.span()=>
        &#here::join::<{ #(#events::TYPES.len())+* }>(&[#(#events::TYPES),*])
    };
    quote! {
        const TYPES: &'static [#private::EventType] = #types;
        const KEYED: bool = #(#events::KEYED)||*;

        fn decode(
            __event_type: #private::EventType,
            __data: &[u8],
        ) -> #private::std::result::Result<Self, #private::DecodeError> {
            #(
                if #events::TYPES.contains(&__event_type) {
                    return #events::decode(__event_type, __data).map(Self::#idents);
                }
            )*
            #private::std::result::Result::Err(#private::DecodeError::unknown_type(__event_type))
        }

        fn encode(
            &self,
        ) -> #private::std::result::Result<#private::std::vec::Vec<u8>, #private::EncodeError> {
            #encode
        }

        fn event_type(&self) -> #private::EventType {
            #event_type
        }

        fn id(&self) -> #private::std::option::Option<#private::std::borrow::Cow<'_, str>> {
            #id
        }

        fn key(&self) -> #private::std::option::Option<#private::std::borrow::Cow<'_, str>> {
            #key
        }
    }
}
