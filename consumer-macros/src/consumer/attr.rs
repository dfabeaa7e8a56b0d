//! What `#[consumer(…)]` says.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{ExprLit, LitStr, Path};

use crate::{
    entries::{Entries, Keys},
    krate,
    mistake::Mistakes,
};

const KEYS: Keys = Keys {
    known: &["name", "queue", "timeout", "batch", "aliases", "as", "crate"],
    elsewhere: &[
        (
            "concurrency",
            "two deployments of one code differ in it; write `.register_with::<f>(|c| c.concurrency(8))`",
        ),
        (
            "prefetch",
            "two deployments of one code differ in it; write `.register_with::<f>(|c| c.prefetch(64))`",
        ),
        ("retry", "two deployments of one code differ in it; write `.register_with::<f>(|c| c.retry(…))`"),
        ("source", "two deployments of one code differ in it; write `.register_with::<f>(|c| c.source(…))`"),
        ("bind", "two deployments of one code differ in it; write `.register_with::<f>(|c| c.bind(…))`"),
    ],
};

/// The values of the attribute, each of the right kind; whether they are right is for `check` to say.
pub(crate) struct Attr {
    pub(crate) name: Option<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) batch: Option<ExprLit>,
    pub(crate) aliases: Vec<LitStr>,
    /// The name of the type, where it is not the function's.
    pub(crate) marker: Option<Ident>,
    pub(crate) krate: Path,
}

impl Attr {
    pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let entries = Entries::read(tokens, KEYS, mistakes);
        if !entries.said("name") {
            mistakes.push(syn::Error::new(Span::call_site(), NO_NAME));
        }
        let mut text = |key, example| entries.get(key).and_then(|entry| mistakes.ok(entry.text(example)));
        let name = text("name", "\"ledger\"");
        let queue = text("queue", "\"ledger.payments\"");
        let timeout = text("timeout", "\"30s\"");
        let batch = entries.get("batch").and_then(|entry| mistakes.ok(entry.literal("64")));
        let aliases = entries.get("aliases").and_then(|entry| mistakes.ok(entry.texts("[\"old-name\"]")));
        let marker = entries.get("as").and_then(|entry| mistakes.ok(entry.ident("RecordPayment")));
        let krate = krate::path(&entries, mistakes);
        Self { name, queue, timeout, batch, aliases: aliases.unwrap_or_default(), marker, krate }
    }
}

const NO_NAME: &str = "a consumer needs a name: its claims are kept under it, so it must survive a renamed function; \
                       write `#[consumer(name = \"…\")]`";
