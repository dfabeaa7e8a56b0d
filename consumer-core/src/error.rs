//! The one error of the library: opaque, cheap to clone, asked by predicates.

use std::{error::Error as StdError, fmt, sync::Arc};

/// The result of what can fail in the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong outside a handler: connecting, checking, starting, publishing.
///
/// The message names the thing and the remedy; the cause is in [`source`](StdError::source). No password is ever part
/// of either.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wiring,
    Settings,
    Unavailable,
    Schema,
    Topology,
    Refused,
    Unroutable,
    Unconfirmed,
    Nacked,
    Unpublishable,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The application is put together wrongly: see [`Error::is_wiring`].
    pub fn wiring(message: impl Into<String>) -> Self {
        Self::new(Kind::Wiring, message)
    }

    /// A setting is missing or malformed: see [`Error::is_settings`].
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new(Kind::Settings, message)
    }

    /// A server cannot be reached: see [`Error::is_unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// The tables are not as this version needs them: see [`Error::is_schema`].
    pub fn schema(message: impl Into<String>) -> Self {
        Self::new(Kind::Schema, message)
    }

    /// A queue or exchange is not as declared: see [`Error::is_topology`].
    pub fn topology(message: impl Into<String>) -> Self {
        Self::new(Kind::Topology, message)
    }

    /// A server said no: see [`Error::is_refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// No queue took a message: see [`Error::is_unroutable`].
    pub fn unroutable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unroutable, message)
    }

    /// The broker did not confirm a message: see [`Error::is_unconfirmed`].
    pub fn unconfirmed(message: impl Into<String>) -> Self {
        Self::new(Kind::Unconfirmed, message)
    }

    /// The broker said that it has not stored a message: see [`Error::is_nacked`].
    pub fn nacked(message: impl Into<String>) -> Self {
        Self::new(Kind::Nacked, message)
    }

    /// No broker takes a message as it is: see [`Error::is_unpublishable`].
    pub fn unpublishable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unpublishable, message)
    }

    /// The same error with its cause.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            source: Some(source.into()),
        }))
    }

    /// The application is put together wrongly: a state nobody gave, a name used twice. Only a change of code helps.
    pub fn is_wiring(&self) -> bool {
        self.0.kind == Kind::Wiring
    }

    /// A setting is missing or malformed.
    pub fn is_settings(&self) -> bool {
        self.0.kind == Kind::Settings
    }

    /// A server cannot be reached or went away; the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == Kind::Unavailable
    }

    /// The tables are missing or older than this version; migrate them.
    pub fn is_schema(&self) -> bool {
        self.0.kind == Kind::Schema
    }

    /// A queue or exchange is missing, or exists with other arguments.
    pub fn is_topology(&self) -> bool {
        self.0.kind == Kind::Topology
    }

    /// A server said no: wrong password, missing right.
    pub fn is_refused(&self) -> bool {
        self.0.kind == Kind::Refused
    }

    /// A mandatory message came back, because no queue is bound for it; it is not stored anywhere.
    pub fn is_unroutable(&self) -> bool {
        self.0.kind == Kind::Unroutable
    }

    /// The broker did not confirm a message in time or [refused](Self::is_nacked) it; it may be stored or not. Publish it
    /// again with the same id.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.0.kind, Kind::Unconfirmed | Kind::Nacked)
    }

    /// The broker refused a message, because a queue is full or could not store it; it is [unconfirmed](Self::is_unconfirmed)
    /// too, because another queue may have it.
    pub fn is_nacked(&self) -> bool {
        self.0.kind == Kind::Nacked
    }

    /// A message cannot be published as it is: a name over 255 bytes, headers that do not fit a frame, a body over the
    /// broker's limit. It is not stored anywhere, and trying again changes nothing.
    pub fn is_unpublishable(&self) -> bool {
        self.0.kind == Kind::Unpublishable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, Chain(self))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An error with all its causes, `: ` between them; a cause that its parent's text already ends with is left out.
pub struct Chain<'a>(pub &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
            next = error.source();
        }
        Ok(())
    }
}
