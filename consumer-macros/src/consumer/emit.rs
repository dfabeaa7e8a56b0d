//! The code of a consumer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Lifetime, Type, spanned::Spanned};

use super::{
    attr::Attr,
    model::{Consumer, Function, Param, Role},
};
use crate::{copied, krate, lifetime, mistake::Mistakes};

/// The function, its type, and what makes the type a consumer.
pub(crate) fn consumer(consumer: &Consumer<'_>) -> TokenStream {
    let function = consumer.function;
    let marker = marker(&function.attrs, &function.vis, consumer.marker);
    let (consumes, handler, register) = (consumes(consumer), handler(consumer), register(consumer));
    quote! { #function #marker #consumes #handler #register }
}

/// The item as it was, and the mistakes.
pub(crate) fn refused(item: TokenStream, mistakes: Mistakes) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    quote! { #item #mistakes }
}

/// The function, the mistakes, and a type that registers nothing, so that `register::<f>()` is no second mistake.
pub(crate) fn stub(attr: &Attr, function: &Function, mistakes: Mistakes) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    let kept = function.harmless();
    if function.sig.receiver().is_some() {
        return quote! { #kept #mistakes };
    }
    let ident = attr.marker.as_ref().unwrap_or(&function.sig.ident);
    let marker = marker(&function.attrs, &function.vis, ident);
    let private = private(&attr.krate);
    let (cfgs, s) = (copied::cfgs(&function.attrs), mixed("S"));
    quote! {
        #kept
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
    // It points at the name but belongs to the macro: of two lints about one name the one about the function is enough.
    let item = quote_spanned!(Span::call_site().located_at(ident.span())=> enum #ident {});
    quote! {
        #(#attrs)*
        #[allow(non_camel_case_types)]
        #vis #item
    }
}

/// Whatever its storage.
fn consumes(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (marker, event, spec) = (consumer.marker, consumer.event, spec(consumer));
    let cfgs = copied::cfgs(&consumer.function.attrs);
    let implement = quote_spanned!(marker.span()=> #[allow(deprecated)] impl);
    quote! {
        #(#cfgs)*
        #implement #private::Consumes for #marker {
            type Event = #event;
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

fn handle(consumer: &Consumer<'_>) -> TokenStream {
    let private = private(consumer.krate);
    let (cx, tx, s) = (mixed("cx"), mixed("tx"), mixed("S"));
    let locals: Vec<_> = (0..consumer.params.len()).map(|i| mixed(&format!("param{i}"))).collect();
    let params = consumer.params.iter().zip(&locals);
    let lets = params.clone().map(|(param, local)| bind(consumer, param, local));
    let args = params.map(|(Param { cfgs, .. }, local)| quote!(#(#cfgs)* #local));
    let (place, mut function) = (place(consumer.output), consumer.function.sig.ident.clone());
    function.set_span(place);
    let via = krate::at(place, quote!(#private::via));
    let outcome = quote_spanned!(place=> #via::outcome(#function(__event, #(#args),*).await));
    let wrapped = wrap(&private, consumer.error);
    quote! {
        async fn handle<'a, 's: 'a>(
            __event: Self::Event,
            #cx: &'a #private::Context,
            #tx: &'a mut #s::Tx<'s>,
        ) -> #private::std::result::Result<(), #private::HandlerError> {
            #(#lets)*
            match #outcome {
                #private::std::result::Result::Ok(()) => #private::std::result::Result::Ok(()),
                #wrapped
            }
        }
    }
}

/// The handler's error, kept in the way that its type allows.
fn wrap(private: &TokenStream, ty: &Type) -> TokenStream {
    let place = place(ty);
    let (error, private) = (Ident::new("__error", place), krate::at(place, private));
    let wrapped = quote_spanned!(place=> (&&&&&#private::via::Tag::of(&#error)).pick().wrap(#error));
    quote! {
        #private::std::result::Result::Err(#error) => {
            use #private::via::{PickClassify as _, PickDyn as _, PickError as _, PickNone as _, PickOwn as _};
            #private::std::result::Result::Err(#wrapped)
        }
    }
}

fn bind(consumer: &Consumer<'_>, param: &Param<'_>, local: &Ident) -> TokenStream {
    let private = private(consumer.krate);
    let (cx, tx, s) = (mixed("cx"), mixed("tx"), mixed("S"));
    let (event, cfgs) = (consumer.event, &param.cfgs);
    let value = match param.role {
        Role::Connection(ty) => {
            let ty = lifetime::named(ty, &statik());
            quote! {{
                use #private::lending::{PickConnection as _, PickNoConnection as _};
                #private::lending::Lending::<#s, #ty>::new(#tx).lend()
            }}
        }
        Role::Extractor(ty) => {
            let ty = lifetime::named(ty, &Lifetime::new("'a", Span::call_site()));
            let private = krate::at(ty.span(), private);
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
            (&&#private::via::Param::<#event, #ty>::new()).report(__needs);
        }
    });
    let output: Type = lifetime::named(consumer.output, &statik());
    quote! {
        fn needs(__needs: &mut #private::Needs) {
            use #private::via::{
                PickNeeds as _, PickNoNeeds as _, ReportClassified as _, ReportNone as _, ReportOwn as _,
                ReportUnclassified as _,
            };
            #(#params)*
            (&&&&#private::via::Returned::<#output>::new()).report(__needs);
        }
    }
}

fn private(krate: &syn::Path) -> TokenStream {
    quote!(#krate::__private)
}

fn statik() -> Lifetime {
    Lifetime::new("'static", Span::call_site())
}

/// A name that neither the user's variables nor a constant in scope can meet.
fn mixed(name: &str) -> Ident {
    format_ident!("__{name}", span = Span::mixed_site())
}

/// Where errors about a type show: its last word.
fn place(ty: &Type) -> Span {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(|| ty.span(), |last| last.ident.span()),
        _ => ty.span(),
    }
}
