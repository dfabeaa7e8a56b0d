//! An entry: one `key = value` of an attribute.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Error, ExprArray, ExprLit, LitStr, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
};

/// One entry, its value unread.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    value: Option<TokenStream>,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            return Ok(Self { key, value: Some(up_to_comma(input)?) });
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            let text = format!("an entry is written `key = value`: `{key} = …`");
            return Err(Error::new_spanned(up_to_comma(input)?, text));
        }
        Ok(Self { key, value: None })
    }
}

fn up_to_comma(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}

impl Entry {
    /// The key as text.
    pub(crate) fn name(&self) -> String {
        self.key.to_string()
    }

    /// A key that stands alone, such as `permanent`.
    pub(crate) fn flag(&self) -> Result<()> {
        match &self.value {
            None => Ok(()),
            Some(value) => {
                Err(Error::new_spanned(value, format!("`{}` stands alone, without a value", self.key)))
            }
        }
    }

    /// A string literal.
    pub(crate) fn text(&self, example: &str) -> Result<LitStr> {
        self.read(example, "a string literal: it is read while compiling")
    }

    /// A list of string literals.
    pub(crate) fn texts(&self, example: &str) -> Result<Vec<LitStr>> {
        let array: ExprArray = self.read(example, "a list of string literals")?;
        let texts = array.elems.iter().map(|elem| syn::parse2(quote::ToTokens::to_token_stream(elem)));
        texts.collect::<Result<_>>().map_err(|_| self.wrong(example, "a list of string literals"))
    }

    /// A number or a string.
    pub(crate) fn literal(&self, example: &str) -> Result<ExprLit> {
        self.read(example, "a literal: it is read while compiling")
    }

    /// An identifier.
    pub(crate) fn ident(&self, example: &str) -> Result<Ident> {
        self.read(example, "an identifier")
    }

    /// A path.
    pub(crate) fn path(&self, example: &str) -> Result<Path> {
        let path = self.value.clone().map(|value| Path::parse_mod_style.parse2(value));
        path.and_then(Result::ok).ok_or_else(|| self.wrong(example, "a path"))
    }

    fn read<T: Parse>(&self, example: &str, kind: &str) -> Result<T> {
        let value = self.value.clone().map(syn::parse2);
        value.and_then(Result::ok).ok_or_else(|| self.wrong(example, kind))
    }

    fn wrong(&self, example: &str, kind: &str) -> Error {
        let text = format!("`{}` takes {kind}; write `{} = {example}`", self.key, self.key);
        match &self.value {
            Some(value) if !value.is_empty() => Error::new_spanned(value, text),
            _ => Error::new_spanned(&self.key, text),
        }
    }
}
