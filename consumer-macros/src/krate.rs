//! The path of the `consumer` crate, which `crate = …` changes.

use syn::{Path, parse_quote};

use crate::{entry::Entries, mistake::Mistakes};

/// The path that generated code starts from.
pub(crate) fn path(entries: &Entries, mistakes: &mut Mistakes) -> Path {
    let given = entries.get("crate").and_then(|entry| mistakes.ok(entry.path("my_reexport::consumer")));
    given.unwrap_or_else(|| parse_quote!(::consumer))
}
