//! The entries said about one item: each key known, and none twice.

use proc_macro2::TokenStream;
use syn::{Attribute, Meta, Token, parse::Parser, punctuated::Punctuated};

use crate::{entry::Entry, mistake::Mistakes, nearest::nearest};

/// The keys that an attribute has.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) known: &'static [&'static str],
    /// Keys that it has not, with the place where they belong.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

impl Keys {
    pub(crate) const fn new(known: &'static [&'static str]) -> Self {
        Self { known, elsewhere: &[] }
    }

    fn unknown(&self, key: &str) -> String {
        if let Some((_, place)) = self.elsewhere.iter().find(|(name, _)| *name == key) {
            return format!("there is no `{key}` here: {place}");
        }
        match nearest(key, self.known) {
            Some(meant) => {
                format!("there is no `{key}` here: did you mean `{meant}`? Known are {}", self.listed())
            }
            None => format!("there is no `{key}` here; known are {}", self.listed()),
        }
    }

    fn listed(&self) -> String {
        self.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    }
}

/// The entries of one attribute, or of several with one name.
pub(crate) struct Entries {
    keys: Keys,
    kept: Vec<Entry>,
    meant: Vec<&'static str>,
    readable: bool,
}

impl Entries {
    fn new(keys: Keys) -> Self {
        Self { keys, kept: Vec::new(), meant: Vec::new(), readable: true }
    }

    /// Those in the parentheses of an attribute.
    pub(crate) fn read(tokens: TokenStream, keys: Keys, mistakes: &mut Mistakes) -> Self {
        let mut entries = Self::new(keys);
        entries.add_all(tokens, mistakes);
        entries
    }

    /// Those in all helper attributes of this name, such as `#[event(…)]`.
    pub(crate) fn of(attrs: &[Attribute], name: &str, keys: Keys, mistakes: &mut Mistakes) -> Self {
        let mut entries = Self::new(keys);
        for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
            match &attr.meta {
                Meta::List(list) if !list.tokens.is_empty() => entries.add_all(list.tokens.clone(), mistakes),
                _ => {
                    entries.readable = false;
                    let text =
                        format!("`#[{name}]` says nothing; write `#[{name}(…)]` with {}", keys.listed());
                    mistakes.add(attr, text);
                }
            }
        }
        entries
    }

    fn add_all(&mut self, tokens: TokenStream, mistakes: &mut Mistakes) {
        match Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(all) => all.into_iter().for_each(|entry| self.add(entry, mistakes)),
            Err(error) => {
                self.readable = false;
                mistakes.push(error);
            }
        }
    }

    fn add(&mut self, entry: Entry, mistakes: &mut Mistakes) {
        let key = entry.name();
        if !self.keys.known.contains(&key.as_str()) {
            self.meant.extend(nearest(&key, self.keys.known));
            mistakes.add(&entry.key, self.keys.unknown(&key));
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
