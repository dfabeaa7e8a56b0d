//! What `#[event(…)]` says: on the item, on a field.

use proc_macro2::Ident;
use syn::{Attribute, DeriveInput, ExprLit, LitStr, Path};

use crate::{
    entries::{Entries, Keys},
    krate,
    mistake::Mistakes,
};

/// The values on the item, each of the right kind; whether they are right is for `check` to say.
pub(crate) struct Attr {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<ExprLit>,
    pub(crate) krate: Path,
    entries: Entries,
}

impl Attr {
    pub(crate) fn parse(input: &DeriveInput, mistakes: &mut Mistakes) -> Self {
        let entries = Entries::of(&input.attrs, "event", Keys::new(&["type", "version", "crate"]), mistakes);
        let name = entries.get("type").and_then(|entry| mistakes.ok(entry.text("\"payment.captured\"")));
        let version = entries.get("version").and_then(|entry| mistakes.ok(entry.literal("1")));
        let krate = krate::path(&entries, mistakes);
        Self { name, version, krate, entries }
    }

    /// Whether the user has tried to say this.
    pub(crate) fn said(&self, key: &str) -> bool {
        self.entries.said(key)
    }

    /// The key as the user wrote it.
    pub(crate) fn key(&self, key: &str) -> Option<&Ident> {
        self.entries.get(key).map(|entry| &entry.key)
    }
}

/// What a field is marked as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Id,
    Key,
}

/// The marks on a field, each with its token.
pub(crate) fn marks(attrs: &[Attribute], mistakes: &mut Mistakes) -> Vec<(Mark, Ident)> {
    let entries = Entries::of(attrs, "event", Keys::new(&["id", "key"]), mistakes);
    let mark = |key: &Ident| if key == "id" { Mark::Id } else { Mark::Key };
    for entry in entries.iter() {
        mistakes.ok(entry.flag());
    }
    entries.iter().map(|entry| (mark(&entry.key), entry.key.clone())).collect()
}
