//! A function under one of our attributes, its body nobody's business but its author's.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Result, Signature, Visibility,
    parse::{ParseStream, Parser},
};

/// The attributes that make a type of a function: one function has one of them.
const OURS: &[&str] = &["consumer", "effect"];

pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Function {
    /// Reads one; what is none gets the answer `otherwise`.
    pub(crate) fn read(item: TokenStream, otherwise: &str) -> Result<Self> {
        let function = |input: ParseStream<'_>| {
            let attrs = input.call(Attribute::parse_outer)?;
            let vis = input.parse()?;
            let start = input.fork();
            let sig = input.parse().map_err(|_| Error::new(start.span(), otherwise))?;
            Ok(Self { attrs, vis, sig, body: input.parse()? })
        };
        function.parse2(item)
    }

    /// Further attributes of ours on it.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| is_ours(attr))
    }

    /// The function without what no function could have, so that the compiler does not repeat our words.
    pub(crate) fn harmless(&self) -> Self {
        let mut sig = self.sig.clone();
        sig.constness = None;
        sig.variadic = None;
        let attrs = self.attrs.iter().filter(|attr| !is_ours(attr)).cloned().collect();
        Self { attrs, vis: self.vis.clone(), sig, body: self.body.clone() }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote! { #(#attrs)* #vis #sig #body });
    }
}

fn is_ours(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| OURS.iter().any(|name| last.ident == name))
}
