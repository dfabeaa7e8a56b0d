//! The code of a classified error.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Case, Cause, Failure, Says};
use crate::krate;

/// The `impl Classify`.
pub(crate) fn error(error: &Failure<'_>) -> TokenStream {
    let (ident, krate) = (error.ident, &error.krate);
    let private = quote!(#krate::__private);
    let (generics, args, bounds) = error.generics.split_for_impl();
    let arms = error.cases.iter().map(|case| arm(&private, case));
    let arms = match error.cases.is_empty() {
        true => quote!(match *self {}),
        false => quote!(match self { #(#arms)* }),
    };
    quote! {
        #[automatically_derived]
        impl #generics #private::Classify for #ident #args #bounds {
            fn classify(&self) -> #private::Verdict<'_> {
                #arms
            }
        }
    }
}

fn arm(private: &TokenStream, case: &Case<'_>) -> TokenStream {
    let path = match case.variant {
        Some(variant) => quote!(Self::#variant),
        None => quote!(Self),
    };
    match &case.says {
        Says::Permanent => quote!(#path { .. } => #private::Verdict::Permanent,),
        Says::Transient => quote!(#path { .. } => #private::Verdict::Transient,),
        Says::RetryAfter(delay) => {
            let millis = delay.as_millis() as u64;
            quote! {
                #path { .. } => #private::Verdict::RetryAfter(#private::std::time::Duration::from_millis(#millis)),
            }
        }
        Says::Cause(Cause { member, ty, optional }) => {
            let cause = Ident::new("__cause", ty.span());
            let asked = ask(private, &cause, ty);
            let asked = match optional {
                false => asked,
                true => quote! {
                    match #cause {
                        #private::std::option::Option::Some(#cause) => #asked,
                        #private::std::option::Option::None => #private::Verdict::Transient,
                    }
                },
            };
            quote!(#path { #member: #cause, .. } => #asked,)
        }
    }
}

fn ask(private: &TokenStream, cause: &Ident, ty: &syn::Type) -> TokenStream {
    let here = krate::at(ty.span(), private);
    let asked = quote_spanned!(ty.span()=> (&&&&&#here::cause::Cause(#cause)).ask().of(#cause));
    quote! {{
        use #private::cause::{AskClassify as _, AskDyn as _, AskError as _, AskNone as _, AskPointer as _};
        #asked
    }}
}
