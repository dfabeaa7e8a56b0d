//! An entry: one `key = value` of an attribute.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, Error, ExprArray, ExprLit, LitStr, Meta, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{mistake::Mistakes, nearest::nearest};

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

/// The entries said about one item: each key known, and none twice.
pub(crate) struct Entries {
    kept: Vec<Entry>,
    meant: Vec<&'static str>,
    readable: bool,
}

impl Entries {
    /// Those in the parentheses of `#[consumer(…)]`.
    pub(crate) fn read(tokens: TokenStream, keys: &[&'static str], mistakes: &mut Mistakes) -> Self {
        let mut entries = Self { kept: Vec::new(), meant: Vec::new(), readable: true };
        entries.add_all(tokens, keys, mistakes);
        entries
    }

    /// Those in all helper attributes of this name, such as `#[event(…)]`.
    pub(crate) fn of(
        attrs: &[Attribute],
        name: &str,
        keys: &[&'static str],
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut entries = Self { kept: Vec::new(), meant: Vec::new(), readable: true };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
            match &attr.meta {
                Meta::List(list) if !list.tokens.is_empty() => {
                    entries.add_all(list.tokens.clone(), keys, mistakes);
                }
                _ => mistakes
                    .add(attr, format!("`#[{name}]` says nothing; write `#[{name}(…)]` with {}", all(keys))),
            }
        }
        entries
    }

    fn add_all(&mut self, tokens: TokenStream, keys: &[&'static str], mistakes: &mut Mistakes) {
        let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
        match parser.parse2(tokens) {
            Ok(all) => all.into_iter().for_each(|entry| self.add(entry, keys, mistakes)),
            Err(error) => {
                self.readable = false;
                mistakes.push(error);
            }
        }
    }

    fn add(&mut self, entry: Entry, keys: &[&'static str], mistakes: &mut Mistakes) {
        let key = entry.name();
        if !keys.contains(&key.as_str()) {
            let meant = nearest(&key, keys);
            self.meant.extend(meant);
            mistakes.add(&entry.key, unknown(&key, meant, keys));
        } else if self.get(&key).is_some() {
            mistakes.add(&entry.key, format!("`{key}` is said twice; keep one of them"));
        } else {
            self.kept.push(entry);
        }
    }

    /// The entry with this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.kept.iter().find(|entry| entry.key == key)
    }

    /// Whether the user has said this key, or would have but for a slip: then its absence is no second mistake.
    pub(crate) fn said(&self, key: &str) -> bool {
        !self.readable || self.meant.contains(&key) || self.get(key).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.kept.iter()
    }
}

fn unknown(key: &str, meant: Option<&str>, keys: &[&str]) -> String {
    match meant {
        Some(meant) => format!("there is no `{key}` here: did you mean `{meant}`? Known are {}", all(keys)),
        None => format!("there is no `{key}` here; known are {}", all(keys)),
    }
}

fn all(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
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
