//! The code of an effect.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, spanned::Spanned};

use super::model::Effect;
use crate::{
    copied,
    emit::{duration, extract, ident_at, locals, marker, mixed, place, private, statik, wrap},
    krate, lifetime,
    param::Extracted,
};

/// The function, its type, and what makes the type an effect.
pub(crate) fn effect(effect: &Effect<'_>) -> TokenStream {
    let function = effect.function;
    let marker = marker(&function.attrs, &function.vis, effect.marker);
    let (spec, call, needs) = (spec(effect), call(effect), needs(effect));
    let (resolve, compensate) = (resolve(effect), compensate(effect));
    let implemented = implemented(effect, quote! { #spec #call #resolve #compensate #needs });
    let register = register(effect);
    quote! { #function #marker #implemented #register }
}

/// An effect that cannot be called, so that those who name it make no second mistake.
pub(crate) fn uncalled(effect: &Effect<'_>) -> TokenStream {
    let (private, name) = (private(effect.krate), effect.name);
    let body = quote! {
        const SPEC: #private::EffectSpec = #private::EffectSpec::new(#name);
        async fn call<'a>(
            _: Self::Payload,
            _: &'a #private::Context,
        ) -> #private::std::result::Result<Self::Output, #private::HandlerError> {
            #private::std::result::Result::Err(#private::HandlerError::permanent(""))
        }
        fn needs(_: &mut #private::Needs) {}
    };
    implemented(effect, body)
}

fn implemented(effect: &Effect<'_>, body: TokenStream) -> TokenStream {
    let private = private(effect.krate);
    let marker = effect.marker;
    let cfgs = copied::cfgs(&effect.function.attrs);
    let implement = quote_spanned!(marker.span()=> #[allow(deprecated)] impl);
    let payload = effect.payload.ty;
    let output = output(effect);
    quote! {
        #(#cfgs)*
        #implement #private::Effect for #marker {
            type Payload = #payload;
            type Output = #output;
            #body
        }
    }
}

/// What the function's `Ok` holds, whatever alias hides it.
fn output(effect: &Effect<'_>) -> TokenStream {
    let (place, ty) = (place(effect.output), lifetime::named(effect.output, &statik()));
    let via = krate::at(place, via(effect));
    quote_spanned!(place=> <#ty as #via::Answer>::Output)
}

fn spec(effect: &Effect<'_>) -> TokenStream {
    let (private, name) = (private(effect.krate), effect.name);
    let duration = |of| duration(&private, of);
    let fields = [
        (!effect.keyed).then(|| quote!(keyed: false)),
        effect.timeout.map(duration).map(|timeout| quote!(timeout: #timeout)),
        effect.attempts.map(|attempts| quote!(attempts: #attempts)),
        effect.key_lifetime.map(duration).map(|lifetime| quote!(key_lifetime: #lifetime)),
        effect.resolve.map(|_| quote!(resolves: true)),
        effect.compensate.map(|_| quote!(compensates: true)),
        effect.on_failure.map(|consumer| {
            let told = told(effect, consumer);
            quote!(on_failure: #private::std::option::Option::Some(#told))
        }),
    ];
    let fields: Vec<_> = fields.into_iter().flatten().collect();
    let defaults = quote!(#private::EffectSpec::new(#name));
    let spec = match fields.is_empty() {
        true => defaults,
        false => quote!(#private::EffectSpec { #(#fields,)* ..#defaults }),
    };
    quote!(const SPEC: #private::EffectSpec = #spec;)
}

/// The name of the consumer that is told.
fn told(effect: &Effect<'_>, consumer: &Path) -> TokenStream {
    let place = last(consumer);
    let private = krate::at(place, private(effect.krate));
    quote_spanned!(place=> <#consumer as #private::referred::Told<Self::Payload>>::NAME)
}

fn call(effect: &Effect<'_>) -> TokenStream {
    let private = private(effect.krate);
    let (cx, payload) = (mixed("cx"), mixed("payload"));
    let locals = locals(effect.params.iter().map(|param| param.ty));
    let of = of(effect);
    let params = effect.params.iter().zip(&locals);
    let lets = params.clone().map(|(param, local)| extract(effect.krate, param, &of, local));
    let args = params.map(|(Extracted { cfgs, .. }, local)| quote!(#(#cfgs)* #local));
    let place = place(effect.output);
    let function = ident_at(place, &effect.function.sig.ident);
    let via = krate::at(place, via(effect));
    let returned = quote_spanned!(place=> Self::Output);
    let lent = effect.payload.lent.then(|| quote!(&));
    let ty = lifetime::named(effect.output, &statik());
    let answer = quote_spanned! {place=>
        <#ty as #via::Answer>::into_result(#function(#lent #payload, #(#args),*).await)
    };
    let wrapped = wrap(&private, self::place(effect.error));
    let output = mixed("output");
    quote! {
        async fn call<'a>(
            #payload: Self::Payload,
            #cx: &'a #private::Context,
        ) -> #private::std::result::Result<#returned, #private::HandlerError> {
            #(#lets)*
            match #answer {
                #private::std::result::Result::Ok(#output) => #private::std::result::Result::Ok(#output),
                #wrapped
            }
        }
    }
}

fn resolve(effect: &Effect<'_>) -> Option<TokenStream> {
    let path = effect.resolve?;
    let private = private(effect.krate);
    let (cx, payload, resolution) = (mixed("cx"), mixed("payload"), mixed("resolution"));
    let (place, resolver) = (last(path), resolver(effect, path));
    let there = krate::at(place, &private);
    let answer = quote_spanned!(place=> #there::resolve::found(#resolver.call(&mut #payload, #cx)?.await));
    let value = quote_spanned!(place=> #there::resolve::resolution::<_, Self::Output>(#resolution));
    let wrapped = wrap(&private, place);
    Some(quote! {
        async fn resolve<'a>(
            #payload: Self::Payload,
            #cx: &'a #private::Context,
        ) -> #private::std::result::Result<#private::Resolution<Self::Output>, #private::HandlerError> {
            let mut #payload = #private::std::option::Option::Some(#payload);
            match #answer {
                #private::std::result::Result::Ok(#resolution) => #private::std::result::Result::Ok(#value),
                #wrapped
            }
        }
    })
}

fn resolver(effect: &Effect<'_>, path: &Path) -> TokenStream {
    let place = last(path);
    let private = krate::at(place, private(effect.krate));
    quote_spanned!(place=> #private::resolve::resolver::<Self, _, _>(#path))
}

fn compensate(effect: &Effect<'_>) -> Option<TokenStream> {
    let undo = undo(effect, effect.compensate?);
    let private = private(effect.krate);
    let (done, effects) = (mixed("done"), mixed("effects"));
    Some(quote! {
        fn compensate(
            #done: &#private::Performed<Self::Payload, Self::Output>,
            #effects: #private::Effects<'_>,
        ) {
            #undo.schedule(#done, #effects);
        }
    })
}

fn undo(effect: &Effect<'_>, path: &Path) -> TokenStream {
    let place = last(path);
    let private = krate::at(place, private(effect.krate));
    quote_spanned!(place=> <#path as #private::referred::Undoes<Self>>::UNDO)
}

fn needs(effect: &Effect<'_>) -> TokenStream {
    let params = effect.params.iter().map(|Extracted { cfgs, ty }| Extracted { cfgs: cfgs.clone(), ty });
    let resolver = effect.resolve.map(|path| {
        let resolver = resolver(effect, path);
        quote!(#resolver.needs(__needs);)
    });
    let undo = effect.compensate.map(|path| {
        let undo = undo(effect, path);
        quote!(#undo.needs(__needs);)
    });
    let more = quote!(#resolver #undo);
    crate::emit::needs(effect.krate, params, &of(effect), effect.output, more)
}

/// For any storage.
fn register(effect: &Effect<'_>) -> TokenStream {
    let (private, s) = (private(effect.krate), mixed("S"));
    let (cfgs, marker) = (copied::cfgs(&effect.function.attrs), effect.marker);
    quote! {
        #(#cfgs)*
        #[allow(deprecated)]
        impl<#s: #private::Storage> #private::Register<#s> for #marker {
            fn register(__registry: &mut #private::Registry<#s>) {
                __registry.effect::<Self>();
            }
        }
    }
}

/// What its parameters are extracted from.
fn of(effect: &Effect<'_>) -> TokenStream {
    let (private, marker) = (private(effect.krate), effect.marker);
    quote!(#private::CallOf<#marker>)
}

fn via(effect: &Effect<'_>) -> TokenStream {
    let private = private(effect.krate);
    quote!(#private::via)
}

/// Where errors about a path show: its last word.
fn last(path: &Path) -> Span {
    path.segments.last().map_or_else(|| path.span(), |last| last.ident.span())
}
