//! What `#[effect(…)]` says.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{ExprLit, LitStr, Path};

use crate::{
    entries::{Entries, Keys},
    krate,
    mistake::Mistakes,
};

const KEYS: Keys = Keys {
    known: &[
        "name",
        "keyed",
        "unkeyed",
        "timeout",
        "attempts",
        "key_lifetime",
        "resolve",
        "compensate",
        "on_failure",
        "as",
        "crate",
    ],
    elsewhere: &[
        ("queue", "an effect consumes nothing; a consumer has the queue, and schedules the effect"),
        (
            "aliases",
            "its keys are derived from its name, which therefore never changes; rename the function alone",
        ),
        (
            "batch",
            "an effect is called for one payload at a time, under one key; take several things in one payload",
        ),
        (
            "concurrency",
            "an effect runs where its consumer runs; two deployments of one code differ in it; write \
             `.register_with::<f>(|c| c.concurrency(8))` for the consumer",
        ),
        (
            "retry",
            "the waits between calls double from a second to an hour, or are what the provider asks for; write \
             `attempts = 20` for how many calls are made",
        ),
        ("retries", "write `attempts = 20` for how many calls are made, the first one counted"),
        (
            "key",
            "the key is derived from the event; write `.key_scheme(…)` on the app to derive it in another way",
        ),
    ],
};

/// The values of the attribute, each of the right kind; whether they are right is for `check` to say.
pub(crate) struct Attr {
    pub(crate) name: Option<LitStr>,
    /// `keyed`, said outright.
    pub(crate) keyed: Option<Ident>,
    pub(crate) unkeyed: Option<Ident>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) attempts: Option<ExprLit>,
    pub(crate) key_lifetime: Option<LitStr>,
    pub(crate) resolve: Option<Path>,
    pub(crate) compensate: Option<Path>,
    pub(crate) on_failure: Option<Path>,
    /// The name of the type, where it is not the function's.
    pub(crate) marker: Option<Ident>,
    pub(crate) krate: Path,
    /// Whether `keyed` or `unkeyed` was said, or would have been but for a slip.
    pub(crate) says_keys: bool,
}

impl Attr {
    pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let entries = Entries::read(tokens, KEYS, mistakes);
        if !entries.said("name") {
            mistakes.push(syn::Error::new(Span::call_site(), NO_NAME));
        }
        let text = |key, example, mistakes: &mut Mistakes| {
            entries.get(key).and_then(|entry| mistakes.ok(entry.text(example)))
        };
        let path = |key, example, mistakes: &mut Mistakes| {
            entries.get(key).and_then(|entry| mistakes.ok(entry.path(example)))
        };
        let attempts = entries.get("attempts").and_then(|entry| mistakes.ok(entry.literal("20")));
        let marker = entries.get("as").and_then(|entry| mistakes.ok(entry.ident("SendReceipt")));
        Self {
            name: text("name", "\"receipt\"", mistakes),
            keyed: flag(&entries, "keyed", mistakes),
            unkeyed: flag(&entries, "unkeyed", mistakes),
            timeout: text("timeout", "\"30s\"", mistakes),
            attempts,
            key_lifetime: text("key_lifetime", "\"24h\"", mistakes),
            resolve: path("resolve", "find_charge", mistakes),
            compensate: path("compensate", "refund", mistakes),
            on_failure: path("on_failure", "charge_failed", mistakes),
            marker,
            krate: krate::path(&entries, mistakes),
            says_keys: entries.said("keyed") || entries.said("unkeyed"),
        }
    }
}

fn flag(entries: &Entries, key: &str, mistakes: &mut Mistakes) -> Option<Ident> {
    let entry = entries.get(key)?;
    mistakes.ok(entry.flag())?;
    Some(entry.key.clone())
}

const NO_NAME: &str = "an effect needs a name: its keys are derived from it, so it must survive a renamed function; write \
                       `#[effect(name = \"…\")]`";
