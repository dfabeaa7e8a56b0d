//! The address of a broker, which never shows its password.

use std::{fmt, time::Duration};

use consumer_core::{Error, Result};
use lapin::uri::{AMQPScheme, AMQPUri};

/// Whether this build can encrypt. lapin itself would talk plaintext to an `amqps://` address without it.
const TLS: bool = cfg!(any(
    feature = "native-tls",
    feature = "openssl",
    feature = "rustls-native-certs",
    feature = "rustls-platform-verifier",
    feature = "rustls-webpki-roots-certs",
));

/// Where a broker is and who we are there. `Display` and `Debug` leave the password out.
#[derive(Clone)]
pub(super) struct Address(AMQPUri);

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings); the text never repeats what was given, because it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
        if !matches!(scheme, "amqp" | "amqps") {
            return Err(malformed("its scheme is neither amqp nor amqps"));
        }
        let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if rest[authority..].contains('@') {
            return Err(malformed("an @ comes after the host"));
        }
        let host = rest[..authority].rsplit_once('@').map_or(&rest[..authority], |(_, host)| host);
        if host.starts_with('[') {
            return Err(malformed("an IPv6 address cannot be given as such, use a host name"));
        }
        let uri: AMQPUri =
            url.parse().map_err(|_| malformed("its host, port or parameters cannot be read"))?;
        if uri.scheme == AMQPScheme::AMQPS && !TLS {
            return Err(Error::settings(
                "the AMQP address asks for TLS (amqps://), which this build of `consumer` does not have: turn on one of \
                 its features `rustls-platform-verifier`, `rustls-native-certs`, `rustls-webpki-roots-certs`, \
                 `native-tls` or `openssl`",
            ));
        }
        Ok(Self(uri))
    }

    /// For lapin, with the heartbeat that we want.
    pub(super) fn uri(&self, heartbeat: Duration) -> AMQPUri {
        let mut uri = self.0.clone();
        uri.query.heartbeat = Some(u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX));
        uri
    }

    /// The heartbeat that the address asks for.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.0.query.heartbeat.map(|secs| Duration::from_secs(secs.into()))
    }

    /// The time to connect that the address asks for.
    pub(super) fn connection_timeout(&self) -> Option<Duration> {
        self.0.query.connection_timeout.map(Duration::from_millis)
    }

    pub(super) fn user(&self) -> &str {
        &self.0.authority.userinfo.username
    }

    pub(super) fn vhost(&self) -> &str {
        &self.0.vhost
    }
}

fn malformed(why: &str) -> Error {
    Error::settings(format!(
        "the AMQP address cannot be used: {why}; it has the form amqp://user:password@host:5672/vhost, where the vhost \
         `/` is written %2f and the characters / ? # @ : [ ] % in user and password are percent-encoded"
    ))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.0;
        let vhost = if vhost == "/" { "%2f" } else { vhost };
        write!(f, "{scheme}://{}@{}:{}/{vhost}", authority.userinfo.username, authority.host, authority.port)
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

    const CANARY: &str = "canary";

    #[test]
    fn an_address_shows_everything_but_the_password() {
        let address = Address::parse("amqp://bob:canary@broker:1234/%2f?heartbeat=7&connection_timeout=900")
            .expect("a good address");
        assert_eq!(address.to_string(), "amqp://bob@broker:1234/%2f");
        assert!(!format!("{address:?}").contains(CANARY));
        assert_eq!(address.heartbeat(), Some(Duration::from_secs(7)));
        assert_eq!(address.connection_timeout(), Some(Duration::from_millis(900)));
        assert_eq!((address.user(), address.vhost()), ("bob", "/"));
    }

    #[test]
    fn an_error_never_repeats_what_was_given() {
        for url in [
            "canary",
            "http://bob:canary@broker",
            "amqp://bob:can/ary@broker",
            "amqp://bob:1?canary@broker",
            "amqp://bob:1#canary@broker",
            "amqp://bob:canary@[::1]:5672",
            "amqp://bob:canary@broker:port",
            "amqp://bob:canary@broker?heartbeat=canary",
        ] {
            let error = Address::parse(url).expect_err("a bad address");
            assert!(error.is_settings(), "{url}: {error:?}");
            let text = format!("{error} {error:?}");
            assert!(!text.contains(CANARY) && !text.contains("ary@"), "{text}");
        }
    }
}
