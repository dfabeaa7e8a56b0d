//! The code of a consumer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use super::model::{Consumer, Param, Role};
use crate::{
    copied,
    emit::{duration, extract, ident_at, kept, locals, marker, mixed, place, private, statik, wrap},
    krate, lifetime,
    param::Extracted,
};

/// The function, its type, and what makes the type a consumer.
pub(crate) fn consumer(consumer: &Consumer<'_>) -> TokenStream {
    let function = consumer.function;
    let marker = marker(&function.attrs, &function.vis, consumer.marker);
    let (consumes, handler, register) = (consumes(consumer), handler(consumer), register(consumer));
    quote! { #function #marker #consumes #handler #register }
}

/// Whatever its storage.
fn consumes(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (marker, input, spec) = (consumer.marker, consumer.input, spec(consumer));
    let cfgs = copied::cfgs(&consumer.function.attrs);
    let implement = quote_spanned!(marker.span()=> #[allow(deprecated)] impl);
    quote! {
        #(#cfgs)*
        #implement #private::Consumes for #marker {
            type Input = #input;
            #spec
        }
    }
}

/// For any storage that lends the connection; without a connection, for any storage.
fn handler(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (marker, s) = (consumer.marker, mixed("S"));
    let cfgs = copied::cfgs(&consumer.function.attrs);
    let bound = match consumer.connection() {
        Some(ty) => {
            let ty = lifetime::named(ty, &statik());
            quote!(#private::lending::Lends<#ty>)
        }
        None => quote!(#private::Storage),
    };
    let (handle, needs) = (handle(consumer), needs(consumer));
    let implement = quote_spanned!(marker.span()=> #[allow(deprecated)] impl);
    quote! {
        #(#cfgs)*
        #implement<#s: #bound> #private::Handler<#s> for #marker {
            #handle
            #needs
        }
    }
}

/// For the connection's own storage, by name: an app learns its storage from its consumers, and a wrong one is named.
/// All errors about it are the same words at the same place, which are shown once.
fn register(consumer: &Consumer<'_>) -> TokenStream {
    let s = mixed("S");
    let (place, ty) = match consumer.connection() {
        Some(ty) => (ty.span(), Some(lifetime::named(ty, &statik()))),
        None => (consumer.marker.span(), None),
    };
    let private = krate::at(place, private(consumer.krate));
    let (generics, store) = match ty {
        Some(ty) => (None, quote_spanned!(place=> <#ty as #private::Connection>::Storage)),
        None => (Some(quote!(<#s: #private::Storage>)), s.into_token_stream()),
    };
    let (cfgs, marker) = (copied::cfgs(&consumer.function.attrs), krate::at(place, consumer.marker));
    quote_spanned! {place=>
        #(#cfgs)*
        #[allow(deprecated)]
        impl #generics #private::Register<#store> for #marker {
            fn register(__registry: &mut #private::Registry<#store>) {
                __registry.consumer::<Self>();
            }
        }
    }
}

fn spec(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let Consumer { name, queue, aliases, .. } = consumer;
    let timeout = match consumer.timeout {
        Some(timeout) => duration(&private, timeout),
        None => quote!(#private::ConsumerSpec::DEFAULT_TIMEOUT),
    };
    let batch = match consumer.batch {
        Some(size) => size.to_token_stream(),
        None => quote!(<Self as #private::Consumes>::BATCH),
    };
    quote! {
        const SPEC: #private::ConsumerSpec = #private::ConsumerSpec {
            name: #name,
            queue: #queue,
            aliases: &[#(#aliases),*],
            timeout: #timeout,
            batch: #batch,
        };
    }
}

fn handle(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (cx, tx, s) = (mixed("cx"), mixed("tx"), mixed("S"));
    let locals = locals(consumer.params.iter().map(Param::ty));
    let params = consumer.params.iter().zip(&locals);
    let lets = params.clone().map(|(param, local)| bind(consumer, param, local));
    let args = params.map(|(Param { cfgs, .. }, local)| quote!(#(#cfgs)* #local));
    let place = place(consumer.output);
    let function = ident_at(place, &consumer.function.sig.ident);
    let via = krate::at(place, quote!(#private::via));
    let input = consumer.input;
    let outcome =
        quote_spanned!(place=> #via::outcome::<#input, _, _, _>(#function(__input, #(#args),*).await));
    let wrapped = wrap(&private, self::place(consumer.error));
    let failed = keep(&private, self::place(consumer.failure));
    quote! {
        async fn handle<'a, 's: 'a>(
            __input: Self::Input,
            #cx: &'a #private::Context,
            #tx: &'a mut #s::Tx<'s>,
        ) -> #private::std::result::Result<#private::BatchFailures, #private::HandlerError> {
            #(#lets)*
            match #outcome {
                #private::std::result::Result::Ok(__failures) => {
                    #private::std::result::Result::Ok(#private::via::kept(__failures, #failed))
                }
                #wrapped
            }
        }
    }
}

/// What keeps the error of one event of a batch.
fn keep(private: &TokenStream, place: Span) -> TokenStream {
    let (error, kept) = kept(private, place);
    quote!(|#error| #kept)
}

fn bind(consumer: &Consumer<'_>, param: &Param<'_>, local: &Ident) -> TokenStream {
    let cfgs = &param.cfgs;
    match param.role {
        Role::Connection(ty) => {
            let lent = lend(consumer, ty);
            quote!(#(#cfgs)* let #local = #lent;)
        }
        Role::Extractor(ty) => {
            let (cfgs, of) = (cfgs.clone(), consumer.input.to_token_stream());
            extract(consumer.krate, &Extracted { cfgs, ty }, &of, local)
        }
    }
}

fn lend(consumer: &Consumer<'_>, ty: &Type) -> TokenStream {
    let private = private(consumer.krate);
    let (tx, s, ty) = (mixed("tx"), mixed("S"), lifetime::named(ty, &statik()));
    quote! {{
        use #private::lending::{PickConnection as _, PickNoConnection as _};
        #private::lending::Lending::<#s, #ty>::new(#tx).lend()
    }}
}

fn needs(consumer: &Consumer<'_>) -> TokenStream {
    let params = consumer.params.iter().filter_map(Param::extracted);
    let of = consumer.input.to_token_stream();
    crate::emit::needs(consumer.krate, params, &of, consumer.output, TokenStream::new())
}
