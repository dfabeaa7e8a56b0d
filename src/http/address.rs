//! The address of a provider, which shows its host alone.

use std::fmt;

use consumer_core::{Error, Result};
use reqwest::Url;

/// Whether this build can encrypt.
const TLS: bool = cfg!(any(feature = "http-native-tls", feature = "http-rustls"));

/// Where a provider is. `Display` and `Debug` leave out the user, the path and the query: any of them may be a secret.
#[derive(Clone)]
pub(super) struct Address(Url);

impl Address {
    /// Reads `https://host/path`.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings); the text never repeats what was given.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let url: Url = url.parse().map_err(|_| malformed("it is no URL"))?;
        if !url.has_host() || !matches!(url.scheme(), "http" | "https") {
            return Err(malformed("it is neither an http nor an https URL"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(malformed("it has a query or a fragment, which belong to a call"));
        }
        if url.scheme() == "https" && !TLS {
            return Err(Error::settings(
                "the address of the provider asks for TLS (https://), which this build of `consumer` does not have: turn on \
                 its feature `http-rustls` or `http-native-tls`",
            ));
        }
        Ok(Self(url))
    }

    /// The address of a call: the path of the provider, then that of the call, with its query.
    pub(super) fn of(&self, path: &str) -> Option<Url> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let inside = !path.split('/').any(|segment| matches!(segment, "." | ".."));
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", self.0.path().trim_end_matches('/'), path.trim_start_matches('/')));
        url.set_query(query);
        inside.then_some(url)
    }
}

fn malformed(why: &str) -> Error {
    Error::settings(format!(
        "the address of the provider cannot be used: {why}; it has the form https://api.example.com/v1"
    ))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_host_alone() {
        let address = Address::parse("http://user:canary@gateway:8080/hooks/canary").expect("a good address");
        assert_eq!(address.to_string(), "http://gateway:8080");
        assert_eq!(format!("{address:?}"), "Address(http://gateway:8080)");
    }

    #[test]
    fn an_error_never_repeats_what_was_given() {
        for url in [
            "canary",
            "ftp://bob:canary@host",
            "http://host/?canary",
            "http://host:canary",
            "data:canary",
            "http://host/#canary",
        ] {
            let error = Address::parse(url).expect_err("a bad address");
            assert!(error.is_settings(), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_path_goes_behind_that_of_the_provider() {
        let of = |base: &str, path: &str| {
            Address::parse(base).expect("a good address").of(path).map(|url| url.to_string())
        };
        assert_eq!(of("http://h/v1/", "/charges").as_deref(), Some("http://h/v1/charges"));
        assert_eq!(of("http://h", "charges?a=b%20c").as_deref(), Some("http://h/charges?a=b%20c"));
        assert_eq!(of("http://h/v1", "http://other/").as_deref(), Some("http://h/v1/http://other/"));
        assert_eq!(of("http://h/v1", "../admin"), None);
        assert_eq!(of("http://h/v1", "a#b?c").as_deref(), Some("http://h/v1/a%23b?c"));
    }

    #[cfg(not(any(feature = "http-native-tls", feature = "http-rustls")))]
    #[test]
    fn a_build_without_tls_says_which_feature_is_missing() {
        let error = Address::parse("https://api.example.com").expect_err("no TLS");
        assert!(error.to_string().contains("`http-rustls`"), "{error}");
    }
}
