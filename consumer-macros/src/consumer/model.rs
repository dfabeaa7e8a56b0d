//! A function, and the consumer that is made of it.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::{
    Attribute, Error, LitStr, Path, Result, Signature, Type, Visibility,
    parse::{Parse, ParseStream},
};

/// A function whose body is nobody's business but its author's.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let start = input.fork();
        let sig = input.parse().map_err(|_| Error::new(start.span(), NO_FUNCTION))?;
        Ok(Self { attrs, vis, sig, body: input.parse()? })
    }
}

impl Function {
    /// Further `#[consumer]` attributes on it.
    pub(crate) fn other_consumers(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| is_consumer(attr))
    }

    /// The function without what no function could have, so that the compiler does not repeat our words.
    pub(crate) fn harmless(&self) -> Self {
        let mut sig = self.sig.clone();
        sig.constness = None;
        sig.variadic = None;
        let attrs = self.attrs.iter().filter(|attr| !is_consumer(attr)).cloned().collect();
        Self { attrs, vis: self.vis.clone(), sig, body: self.body.clone() }
    }
}

fn is_consumer(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "consumer")
}

const NO_FUNCTION: &str = "`#[consumer]` goes on a free `async fn`: a consumer is one function, which its tests can call; \
                           move the attribute to it";

/// A consumer, all of it checked.
pub(crate) struct Consumer<'a> {
    pub(crate) function: &'a Function,
    pub(crate) krate: &'a Path,
    /// The name of the type.
    pub(crate) marker: &'a Ident,
    pub(crate) name: &'a LitStr,
    pub(crate) queue: &'a LitStr,
    pub(crate) aliases: &'a [LitStr],
    pub(crate) timeout: Option<Duration>,
    pub(crate) event: &'a Type,
    pub(crate) output: &'a Type,
    /// The error's type, or the whole output where an alias hides it.
    pub(crate) error: &'a Type,
    /// The parameters after the event, as written.
    pub(crate) params: Vec<Param<'a>>,
}

/// A parameter after the event.
pub(crate) struct Param<'a> {
    pub(crate) cfgs: Vec<&'a Attribute>,
    pub(crate) role: Role<'a>,
}

/// What a parameter is for.
pub(crate) enum Role<'a> {
    /// `&mut` of this type, lent from the unit's transaction.
    Connection(&'a Type),
    /// Read from the delivery.
    Extractor(&'a Type),
}

impl<'a> Consumer<'a> {
    /// The type behind the connection's `&mut`.
    pub(crate) fn connection(&self) -> Option<&'a Type> {
        self.params.iter().find_map(|param| match param.role {
            Role::Connection(ty) => Some(ty),
            Role::Extractor(_) => None,
        })
    }
}
