//! The code that consumers and effects have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Lifetime, Path, Type, Visibility, spanned::Spanned};

use crate::{copied, function::Function, krate, lifetime, mistake::Mistakes, param::Extracted};

/// The item as it was, and the mistakes.
pub(crate) fn refused(item: TokenStream, mistakes: Mistakes) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    quote! { #item #mistakes }
}

/// The function, the mistakes, and a type that registers nothing, so that `register::<f>()` is no second mistake.
pub(crate) fn stub(
    krate: &Path,
    marked: Option<&Ident>,
    function: &Function,
    mistakes: Mistakes,
) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    let kept = function.harmless();
    if function.sig.receiver().is_some() {
        return quote! { #kept #mistakes };
    }
    let ident = marked.unwrap_or(&function.sig.ident);
    let marker = marker(&function.attrs, &function.vis, ident);
    let private = private(krate);
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

/// The type beside the function.
pub(crate) fn marker(attrs: &[Attribute], vis: &Visibility, ident: &Ident) -> TokenStream {
    let attrs = copied::attrs(attrs);
    // It points at the name but belongs to the macro: of two lints about one name the one about the function is enough.
    let item = quote_spanned!(Span::call_site().located_at(ident.span())=> enum #ident {});
    quote! {
        #(#attrs)*
        #[allow(non_camel_case_types)]
        #vis #item
    }
}

/// The `let` of a parameter that is read from the context of a call of `of`.
pub(crate) fn extract(krate: &Path, param: &Extracted<'_>, of: &TokenStream, local: &Ident) -> TokenStream {
    let Extracted { cfgs, ty } = param;
    let (cx, private) = (mixed("cx"), private(krate));
    let ty = lifetime::named(ty, &Lifetime::new("'a", Span::call_site()));
    let private = krate::at(ty.span(), private);
    let value = quote_spanned!(ty.span()=> <#ty as #private::Extract<'a, #of>>::extract(#cx)?);
    quote!(#(#cfgs)* let #local = #value;)
}

/// What asks the parameters and the return type what they need.
pub(crate) fn needs<'a>(
    krate: &Path,
    params: impl Iterator<Item = Extracted<'a>>,
    of: &TokenStream,
    output: &Type,
    more: TokenStream,
) -> TokenStream {
    let private = private(krate);
    let params = params.map(|Extracted { cfgs, ty }| {
        let ty = lifetime::named(ty, &statik());
        let there = krate::at(ty.span(), &private);
        let needs = krate::at(ty.span(), quote!(__needs));
        let report = quote_spanned!(ty.span()=> (&&#there::via::Param::<#of, #ty>::new()).report(#needs));
        quote! {
            #(#cfgs)*
            #report;
        }
    });
    let output: Type = lifetime::named(output, &statik());
    quote! {
        fn needs(__needs: &mut #private::Needs) {
            use #private::via::{
                PickNeeds as _, PickNoNeeds as _, ReportClassified as _, ReportNone as _, ReportOwn as _,
                ReportUnclassified as _,
            };
            #(#params)*
            (&&&&#private::via::Returned::<#output>::new()).report(__needs);
            #more
        }
    }
}

/// The arm for the function's error, which is kept in the way that its type allows.
pub(crate) fn wrap(private: &TokenStream, place: Span) -> TokenStream {
    let (error, kept) = kept(private, place);
    let private = krate::at(place, private);
    quote!(#private::std::result::Result::Err(#error) => #private::std::result::Result::Err(#kept),)
}

/// An error's name, and the block that keeps the error in the way that its type allows.
pub(crate) fn kept(private: &TokenStream, place: Span) -> (Ident, TokenStream) {
    let (error, private) = (Ident::new("__error", place), krate::at(place, private));
    let wrapped = quote_spanned!(place=> (&&&&&#private::via::Tag::of(&#error)).pick().wrap(#error));
    let block = quote! {{
        use #private::via::{PickClassify as _, PickDyn as _, PickError as _, PickNone as _, PickOwn as _};
        #wrapped
    }};
    (error, block)
}

/// The same name, pointing elsewhere.
pub(crate) fn ident_at(place: Span, ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(place);
    ident
}

/// Names of locals, one for each parameter; what is wrong with one shows at the parameter's type.
pub(crate) fn locals<'a>(types: impl Iterator<Item = &'a Type>) -> Vec<Ident> {
    let named = types.enumerate().map(|(i, ty)| (mixed(&format!("param{i}")), ty.span()));
    named.map(|(local, place)| ident_at(local.span().located_at(place), &local)).collect()
}

/// A duration as code.
pub(crate) fn duration(private: &TokenStream, duration: std::time::Duration) -> TokenStream {
    let millis = duration.as_millis() as u64;
    quote!(#private::std::time::Duration::from_millis(#millis))
}

pub(crate) fn private(krate: &impl ToTokens) -> TokenStream {
    quote!(#krate::__private)
}

pub(crate) fn statik() -> Lifetime {
    Lifetime::new("'static", Span::call_site())
}

/// A name that neither the user's variables nor a constant in scope can meet.
pub(crate) fn mixed(name: &str) -> Ident {
    format_ident!("__{name}", span = Span::mixed_site())
}

/// Where errors about a type show: its last word.
pub(crate) fn place(ty: &Type) -> Span {
    match ty {
        Type::Path(path) => path.path.segments.last().map_or_else(|| ty.span(), |last| last.ident.span()),
        _ => ty.span(),
    }
}
