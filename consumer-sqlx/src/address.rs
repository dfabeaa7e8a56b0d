//! Where a database is, as it may be printed.

use std::fmt;

use consumer_core::{Error, Result};

/// Host, port and database name; no user, no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    server: String,
    database: String,
}

impl Address {
    pub(crate) fn new(host: &str, port: u16, database: Option<&str>) -> Self {
        Self { server: format!("{host}:{port}"), database: database.unwrap_or_default().to_owned() }
    }

    /// The address, unless it holds pieces of a password.
    ///
    /// A `/`, `?` or `#` in a password that nobody encoded ends the host's part of a URL early, and the rest of the
    /// password is taken for the database's name.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings).
    pub(crate) fn checked(self, scheme: &str) -> Result<Self> {
        let clean = |text: &str| !text.contains(['@', '/', '?', '#']);
        if clean(&self.server) && clean(&self.database) { Ok(self) } else { Err(malformed(scheme)) }
    }
}

/// A URL that cannot be read; it is not shown, because nobody knows where in it the password is.
pub(crate) fn malformed(scheme: &str) -> Error {
    Error::settings(format!(
        "the database URL cannot be read: {scheme}://user:password@host:port/database is expected, with special \
         characters of the password percent-encoded (`/` is `%2F`, `@` is `%40`)"
    ))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.database)
    }
}
