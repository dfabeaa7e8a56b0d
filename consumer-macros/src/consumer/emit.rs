//! The code of a consumer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Lifetime, Type, spanned::Spanned};

use super::{
    attr::Attr,
    model::{Consumer, Function, Param, Role},
};
use crate::{copied, lifetime, mistake::Mistakes};

/// The function, its type, and what makes the type a consumer.
pub(crate) fn consumer(consumer: &Consumer<'_>) -> TokenStream {
    let function = consumer.function;
    let marker = marker(&function.attrs, &function.vis, consumer.marker);
    let handler = handler(consumer);
    let register = register(consumer);
    quote! { #function #marker #handler #register }
}

/// The item as it was, and the mistakes.
pub(crate) fn refused(item: TokenStream, mistakes: Mistakes) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    quote! { #item #mistakes }
}

/// The function, the mistakes, and a type that registers nothing, so that `register::<f>()` is no second mistake.
pub(crate) fn stub(attr: &Attr, function: &Function, mistakes: Mistakes) -> TokenStream {
    let ident = attr.marker.as_ref().unwrap_or(&function.sig.ident);
    let marker = marker(&function.attrs, &function.vis, ident);
    let private = private(&attr.krate);
    let (cfgs, s) = (copied::cfgs(&function.attrs), mixed("S"));
    let mistakes = mistakes.into_tokens();
    quote! {
        #function
        #mistakes
        #marker
        #(#cfgs)*
        impl<#s: #private::Storage> #private::Register<#s> for #ident {
            fn register(_: &mut #private::Registry<#s>) {}
        }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote! { #(#attrs)* #vis #sig #body });
    }
}

fn marker(attrs: &[Attribute], vis: &syn::Visibility, ident: &Ident) -> TokenStream {
    let attrs = copied::attrs(attrs);
    quote! {
        #(#attrs)*
        #[allow(non_camel_case_types)]
        #vis enum #ident {}
    }
}

fn handler(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (marker, event) = (consumer.marker, consumer.event);
    let cfgs = copied::cfgs(&consumer.function.attrs);
    let (s, store) = store(consumer);
    let generics = s.map(|s| quote!(<#s: #private::Storage>));
    let (spec, handle, needs) = (spec(consumer), handle(consumer, &store), needs(consumer));
    quote! {
        #(#cfgs)*
        impl #generics #private::Handler<#store> for #marker {
            type Event = #event;
            #spec
            #handle
            #needs
        }
    }
}

fn register(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let marker = consumer.marker;
    let cfgs = copied::cfgs(&consumer.function.attrs);
    let (s, store) = store(consumer);
    let generics = s.map(|s| quote!(<#s: #private::Storage>));
    quote! {
        #(#cfgs)*
        impl #generics #private::Register<#store> for #marker {
            fn register(registry: &mut #private::Registry<#store>) {
                registry.consumer::<Self>();
            }
        }
    }
}

/// The storage: that of the connection; without one any, as a type parameter.
fn store(consumer: &Consumer<'_>) -> (Option<Ident>, TokenStream) {
    let private = private(consumer.krate);
    match consumer.connection() {
        Some(ty) => {
            let ty = lifetime::named(ty, &statik());
            (None, quote_spanned!(ty.span()=> <#ty as #private::Connection>::Storage))
        }
        None => (Some(mixed("S")), mixed("S").into_token_stream()),
    }
}

fn spec(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let Consumer { name, queue, aliases, .. } = consumer;
    let timeout = match consumer.timeout {
        Some(timeout) => {
            let millis = timeout.as_millis() as u64;
            quote!(#private::std::time::Duration::from_millis(#millis))
        }
        None => quote!(#private::ConsumerSpec::DEFAULT_TIMEOUT),
    };
    quote! {
        const SPEC: #private::ConsumerSpec = #private::ConsumerSpec {
            name: #name,
            queue: #queue,
            aliases: &[#(#aliases),*],
            timeout: #timeout,
        };
    }
}

fn handle(consumer: &Consumer<'_>, store: &TokenStream) -> TokenStream {
    let private = private(consumer.krate);
    let function = &consumer.function.sig.ident;
    let (cx, tx) = (mixed("cx"), mixed("tx"));
    let locals: Vec<_> = (0..consumer.params.len()).map(|i| mixed(&format!("param{i}"))).collect();
    let params = consumer.params.iter().zip(&locals);
    let lets = params.clone().map(|(param, local)| bind(consumer, param, local));
    let args = params.map(|(Param { cfgs, .. }, local)| quote!(#(#cfgs)* #local));
    let call =
        quote_spanned!(consumer.output.span()=> #private::via::outcome(#function(event, #(#args),*).await));
    quote! {
        #[allow(deprecated, unused_variables)]
        async fn handle<'a, 's: 'a>(
            event: Self::Event,
            #cx: &'a #private::Context,
            #tx: &'a mut <#store as #private::Storage>::Tx<'s>,
        ) -> #private::std::result::Result<(), #private::HandlerError> {
            #(#lets)*
            match #call {
                #private::std::result::Result::Ok(()) => #private::std::result::Result::Ok(()),
                #private::std::result::Result::Err(error) => {
                    use #private::via::{PickClassify as _, PickDyn as _, PickError as _, PickNone as _, PickOwn as _};
                    #private::std::result::Result::Err((&&&&&#private::via::Tag::of(&error)).pick().wrap(error))
                }
            }
        }
    }
}

fn bind(consumer: &Consumer<'_>, param: &Param<'_>, local: &Ident) -> TokenStream {
    let private = private(consumer.krate);
    let (cx, tx, event, cfgs) = (mixed("cx"), mixed("tx"), consumer.event, &param.cfgs);
    let value = match param.role {
        Role::Connection(ty) => {
            let ty = lifetime::named(ty, &statik());
            quote_spanned!(ty.span()=> <#ty as #private::Connection>::lend(#tx))
        }
        Role::Extractor(ty) => {
            let ty = lifetime::named(ty, &Lifetime::new("'a", Span::call_site()));
            quote_spanned!(ty.span()=> <#ty as #private::Extract<'a, #event>>::extract(#cx)?)
        }
    };
    quote!(#(#cfgs)* let #local = #value;)
}

fn needs(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let event = consumer.event;
    let params = consumer.params.iter().filter_map(|param| match param.role {
        Role::Connection(_) => None,
        Role::Extractor(ty) => Some((&param.cfgs, lifetime::named(ty, &statik()))),
    });
    let params = params.map(|(cfgs, ty)| {
        quote! {
            #(#cfgs)*
            (&&#private::via::Param::<#event, #ty>::new()).report(needs);
        }
    });
    let output: Type = lifetime::named(consumer.output, &statik());
    quote! {
        fn needs(needs: &mut #private::Needs) {
            use #private::via::{
                PickNeeds as _, PickNoNeeds as _, ReportClassified as _, ReportNone as _, ReportOwn as _,
                ReportUnclassified as _,
            };
            #(#params)*
            (&&&&#private::via::Returned::<#output>::new()).report(needs);
        }
    }
}

fn private(krate: &syn::Path) -> TokenStream {
    quote!(#krate::__private)
}

fn statik() -> Lifetime {
    Lifetime::new("'static", Span::call_site())
}

/// A name that the user's own cannot meet.
fn mixed(name: &str) -> Ident {
    format_ident!("{name}", span = Span::mixed_site())
}
